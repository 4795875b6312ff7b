"""In-memory images and labels: a training step without a disk."""

from __future__ import annotations

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.data import Dataset

from mmuda.registry import DATASETS


@DATASETS.register_module()
class NoiseScenes(Dataset):
    """`length` random images with blocky random labels, packed as mmseg packs them.

    Args:
        size: (H, W).
        num_classes: Labels lie in [0, num_classes).
        length: How many different images.
        seed: Of the images and labels.
    """

    def __init__(self, size: tuple[int, int], num_classes: int, length: int = 8, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        height, width = size
        self.metainfo = dict(classes=tuple(f'class {i}' for i in range(num_classes)))
        self.images = torch.randint(256, (length, 3, height, width), dtype=torch.uint8, generator=generator)
        coarse = torch.randint(num_classes, (length, 1, -(-height // 16), -(-width // 16)), generator=generator)
        labels = coarse.repeat_interleave(16, 2).repeat_interleave(16, 3)
        self.labels = labels[..., :height, :width].contiguous()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict:
        sample = SegDataSample(gt_sem_seg=PixelData(data=self.labels[index].clone()))
        sample.set_metainfo(
            dict(
                img_path=f'noise {int(index)}',
                img_shape=tuple(self.images.shape[-2:]),
                ori_shape=tuple(self.images.shape[-2:]),
            )
        )
        return dict(inputs=self.images[index], data_samples=sample)


def as_tensors(batch: dict) -> tuple[Tensor, Tensor]:
    """A collated batch, source first → images uint8 [S + T, 3, H, W] and the source's labels [S, H, W]."""
    samples = batch['data_samples']
    labels = [sample.gt_sem_seg.data for sample in samples if sample.metainfo.get('domain') != 'target']
    return torch.stack(batch['inputs']), torch.cat(labels)
