"""Prepare the images of a training batch together where their sizes allow it: a fraction of the operations.

The hosts' preprocessors work image by image: mmseg's always, mmpretrain's where it is given a list. Images of one size
that need no padding are one tensor here. The values are those of the host to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def prepare(host: nn.Module, data: dict) -> dict:
    """``dict(inputs=[...], data_samples=[...])`` → what the host makes of a training batch."""
    kind = type(host).__name__
    if kind == 'ClsDataPreprocessor':
        return host(dict(data, inputs=stacked(data['inputs'])), training=True)
    if kind == 'SegDataPreProcessor' and _fits_as_it_is(host, data['inputs']):
        return _prepare_maps(host, host.cast_data(data))
    return host(data, training=True)


def stacked(images: Sequence[Tensor]) -> Tensor | list[Tensor]:
    """One tensor where all have one size: the host then normalises them in one go."""
    same = all(image.shape == images[0].shape for image in images)
    return torch.stack(list(images)) if same else list(images)


def _fits_as_it_is(host: nn.Module, images: Sequence[Tensor]) -> bool:
    """Whether mmseg's preprocessor would neither pad nor mix nor refuse these images."""
    shapes = {tuple(image.shape) for image in images}
    if host.batch_augments is not None or len(shapes) != 1 or images[0].dtype != torch.uint8:
        return False
    height, width = shapes.pop()[-2:]
    if host.size is not None:
        return host.size_divisor is None and host.size[-2] <= height and host.size[-1] <= width
    return host.size_divisor is not None and not (height % host.size_divisor or width % host.size_divisor)


def _prepare_maps(host: nn.Module, data: dict) -> dict:
    """As ``SegDataPreProcessor.forward`` and mmseg's ``stack_batch``, on all images at once; labels stay."""
    inputs = torch.stack(data['inputs'])
    if host.channel_conversion and inputs.shape[1] == 3:
        inputs = inputs.flip(1)
    inputs = (inputs - host.mean) / host.std if host._enable_normalize else inputs.float()
    for sample in data['data_samples']:
        maps = [sample.get(name) for name in ('gt_sem_seg', 'gt_edge_map', 'gt_depth_map') if name in sample]
        pad_shape = maps[-1].shape if maps else None
        sample.set_metainfo(dict(img_shape=inputs.shape[-2:], pad_shape=pad_shape, padding_size=(0, 0, 0, 0)))
    return dict(inputs=inputs, data_samples=data['data_samples'])
