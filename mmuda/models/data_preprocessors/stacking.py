"""Images of one size are one tensor for the host's preprocessor: a fraction of the operations, and its values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def prepare(host: nn.Module, data: dict) -> dict:
    """Let the host prepare a training batch ``dict(inputs=[...], data_samples=[...])``.

    mmpretrain's works image by image only where it is given a list; mmseg's sees to that itself, see
    :mod:`mmuda.compat.idle_work`.
    """
    if type(host).__name__ == 'ClsDataPreprocessor':
        data = dict(data, inputs=stacked(host.cast_data(data['inputs'])))  # pinned images are stacked where they go
    return host(data, training=True)


def stacked(images: Sequence[Tensor]) -> Tensor | list[Tensor]:
    """Return one tensor where all have one size: the host then normalises them in one go."""
    same = all(image.shape == images[0].shape for image in images)
    return torch.stack(list(images)) if same else list(images)
