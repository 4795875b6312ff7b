"""Several networks, one prediction: the class of the largest mean probability.

    p = (1 / M) Σ_m softmax(z_m)        y = argmax_c p_c

So FDA (Yang and Soatto, CVPR 2020, "multi-band transfer") joins networks that were trained with different beta.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.structures import PixelData
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Predicts with several networks, whose probabilities it averages.

    Args:
        networks: Models of one task and the same classes; each prepares a batch by its own preprocessor.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)

    def test_step(self, data: Any) -> list:
        """Return what a single network's ``test_step`` gives; segmented images have log p in place of the logits."""
        total: list[Tensor] = []
        for network in self.networks:
            samples = network.test_step(data)
            found = [probability_of(sample) for sample in samples]
            total = [a + b for a, b in zip(total, found, strict=True)] if total else found
        return [decided(sample, p / len(self.networks)) for sample, p in zip(samples, total, strict=True)]


def probability_of(sample: Any) -> Tensor:
    """Return the probabilities ``[K]`` of an image's classes, or ``[K, H, W]`` of its pixels'.

    Raises:
        ValueError: A segmentor with one score, or an image without scores.
    """
    if 'pred_score' in sample:
        return sample.pred_score
    if 'seg_logits' not in sample or len(sample.seg_logits.data) == 1:
        raise ValueError(
            'Class probabilities are averaged, but a network gives '
            f'{"one score a pixel" if "seg_logits" in sample else "no class scores"}: predict with one checkpoint, and '
            'one view of each image.'
        )
    return sample.seg_logits.data.float().softmax(0)


def decided(sample: Any, p: Tensor) -> Any:
    """Return the sample with the probabilities ``[K]`` or ``[K, H, W]`` and the class that they say."""
    if 'pred_score' in sample:
        return sample.set_pred_score(p).set_pred_label(p.argmax(0, keepdim=True))
    log_p = p.clamp_min(torch.finfo(p.dtype).tiny).log()
    sample.set_data(dict(seg_logits=PixelData(data=log_p), pred_sem_seg=PixelData(data=p.argmax(0, keepdim=True))))
    return sample
