"""Work of mmseg's training step that changes no number, left out: each operation of it is a launch on a GPU."""

import functools
import types
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


def images_at_once(load: Callable, module: types.ModuleType) -> None:
    """mmseg prepares the images of a training batch one by one, and pads each by nothing where all have one size."""
    load(module)
    kind = module.SegDataPreProcessor
    kind.forward = functools.partialmethod(_prepare, kind.forward)


def _prepare(self, stock: Callable, data: dict, training: bool = False) -> dict:
    if training and data.get('data_samples') is not None and _fits_as_it_is(self, data['inputs']):
        return _prepare_maps(self, self.cast_data(data))
    return stock(self, data, training)


def _fits_as_it_is(host: 'nn.Module', images: list) -> bool:
    """Tell whether the stock preprocessor would neither pad nor mix nor refuse these images."""
    import torch

    shapes = {tuple(image.shape) for image in images}
    if host.batch_augments is not None or len(shapes) != 1 or images[0].dtype != torch.uint8:
        return False
    height, width = shapes.pop()[-2:]
    if host.size is not None:
        return host.size_divisor is None and host.size[-2] <= height and host.size[-1] <= width
    return host.size_divisor is not None and not (height % host.size_divisor or width % host.size_divisor)


def _prepare_maps(host: 'nn.Module', data: dict) -> dict:
    """Do what the stock `forward` and `stack_batch` do, to the bit, on all images at once; labels stay."""
    import torch

    inputs = torch.stack(data['inputs'])
    if host.channel_conversion and inputs.shape[1] == 3:
        inputs = inputs.flip(1)
    inputs = (inputs - host.mean) / host.std if host._enable_normalize else inputs.float()
    for sample in data['data_samples']:
        maps = [sample.get(name) for name in ('gt_sem_seg', 'gt_edge_map', 'gt_depth_map') if name in sample]
        pad_shape = maps[-1].shape if maps else None
        sample.set_metainfo(dict(img_shape=inputs.shape[-2:], pad_shape=pad_shape, padding_size=(0, 0, 0, 0)))
    return dict(inputs=inputs, data_samples=data['data_samples'])
