"""Return DEV of a classifier: the risk on labelled source images that look like the target (functional/criteria.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS
from torch import Tensor, nn
from torch.nn import functional as F

from mmuda.functional import deep_embedded_validation, density_ratio
from mmuda.models.layers import inference_pass
from mmuda.models.tasks import build_task
from mmuda.models.terms.features import last
from mmuda.models.uda.taps import Taps


class SourceValidation:
    """Source and target images of a config, and the risk of a network on them.

    Half of the source's images teach the weights, the other half are weighed. They are the images that the network was
    trained on, as configs have no others; the paper asks for others, whose losses are not small by training.

    Args:
        cfg: A config whose training data have one source.
        target: The built set of target images.
        images: Of the source, at most; they are drawn from its set with a fixed seed.
    """

    def __init__(self, cfg: Config, target: Any, images: int) -> None:
        pipeline = cfg.val_dataloader.dataset.pipeline
        self.target = target
        self.source = DATASETS.build(dict(cfg.train_dataloader.dataset.source, pipeline=pipeline))
        generator = torch.Generator().manual_seed(0)
        self.chosen = torch.randperm(len(self.source), generator=generator)[: 2 * images].tolist()
        self.batch_size = cfg.val_dataloader.get('batch_size', 1)
        self.task = build_task('classification')

    @staticmethod
    def fits(cfg: Config) -> bool:
        """Tell whether a config classifies images and has one source of them."""
        source = ((cfg.get('train_dataloader') or {}).get('dataset') or {}).get('source')
        model = cfg.model.get('student', cfg.model)
        return isinstance(source, Mapping) and 'head' in model and 'pipeline' in cfg.val_dataloader.dataset

    @torch.no_grad()
    def risk(self, network: nn.Module) -> float:
        """Compute DEV of a classifier in evaluation."""
        source, losses = (torch.cat(parts) for parts in zip(*self._source(network)))
        target = torch.cat([self._pass(network, batch, 'target')[0] for batch in self._batches(self.target)])
        half = len(source) // 2
        weights = density_ratio(source[:half], target, source[half:])
        return float(deep_embedded_validation(losses[half:].double(), weights))

    def _source(self, network: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in self._batches(self.source, self.chosen):
            features, logits = self._pass(network, batch, 'source')
            yield features, F.cross_entropy(logits, self.task.labels(batch['data_samples']), reduction='none')

    def _batches(self, dataset: Any, chosen: list[int] | None = None) -> Iterator[dict]:
        chosen = list(range(len(dataset))) if chosen is None else chosen
        for start in range(0, len(chosen), self.batch_size):
            yield pseudo_collate([dataset[i] for i in chosen[start : start + self.batch_size]])

    def _pass(self, network: nn.Module, batch: dict, domain: str) -> tuple[Tensor, Tensor]:
        """Return features before the classifier ``[B, C]`` and scores ``[B, K]``, on the CPU."""
        inputs = network.data_preprocessor(dict(batch))['inputs']
        tap = 'neck' if getattr(network, 'neck', None) is not None else 'backbone'
        with inference_pass(network, domain=domain), Taps(network, (tap,)) as features:
            logits = self.task.logits(network, self.task.run(network, inputs))
        found = last(features[tap])
        return (found.flatten(2).mean(2) if found.ndim > 2 else found).float().cpu(), logits.float().cpu()
