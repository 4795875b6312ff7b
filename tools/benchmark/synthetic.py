"""In-memory images and labels: a training step without a disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from mmuda.apis import UserError
from mmuda.datasets.listing import list_files
from mmuda.datasets.reading import read_ids
from mmuda.registry import DATASETS


@DATASETS.register_module()
class NoiseScenes(Dataset):
    """`length` random images with blocky random labels, or real ones, packed as mmseg packs them.

    Args:
        size: (H, W).
        num_classes: Labels lie in [0, num_classes).
        length: How many different images.
        seed: Of the images and labels.
        labels: Folder of label maps (class ids and 255): crops of up to 64 of them in place of random labels.
    """

    def __init__(
        self, size: tuple[int, int], num_classes: int, length: int = 8, seed: int = 0, labels: str | None = None
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.metainfo = dict(classes=tuple(f'class {i}' for i in range(num_classes)))
        if labels is None:
            self.labels = blocky_labels(size, num_classes, length, generator)
        else:
            self.labels = real_labels(Path(labels), size, num_classes, generator)
        self.images = torch.randint(256, (len(self.labels), 3, *size), dtype=torch.uint8, generator=generator)

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


def blocky_labels(size: tuple[int, int], num_classes: int, length: int, generator: torch.Generator) -> Tensor:
    """Draw squares of 16 pixels: [length, 1, H, W]."""
    height, width = size
    coarse = torch.randint(num_classes, (length, 1, -(-height // 16), -(-width // 16)), generator=generator)
    return coarse.repeat_interleave(16, 2).repeat_interleave(16, 3)[..., :height, :width].contiguous()


def real_labels(
    folder: Path, size: tuple[int, int], num_classes: int, generator: torch.Generator, most: int = 64
) -> Tensor:
    """Crop each of up to `most` label maps, evenly over the folder: [length, 1, H, W].

    A map is scaled until it just covers the crop.
    """
    files = label_files(folder)
    chosen = files[:: -(-len(files) // most)]
    labels = torch.stack([random_crop(covering(file, size), size, generator) for file in chosen])[:, None]
    unknown = labels[(labels >= num_classes) & (labels != 255)]
    if len(unknown):
        raise UserError(
            f'{folder} has labels such as {int(unknown[0])}, but the config has {num_classes} classes: '
            'give label maps of class ids (and 255).'
        )
    return labels


def label_files(folder: Path) -> list[Path]:
    """Return the label maps of a folder.

    Raises:
        UserError: There are none.
    """
    names = list_files(folder, predictions=True).names
    if not names:
        raise UserError(f'{folder} holds no image file: give a folder of label maps to --labels.')
    return [folder / name for name in names]


def covering(file: Path, size: tuple[int, int]) -> Tensor:
    """Scale a label map by nearest until no side is shorter than the crop's: int64 [H, W]."""
    label = torch.from_numpy(read_ids(str(file)).astype(np.int64))
    scale = max(want / have for want, have in zip(size, label.shape))
    scaled = [round(have * scale) for have in label.shape]
    return F.interpolate(label[None, None].float(), scaled, mode='nearest-exact')[0, 0].long()


def random_crop(label: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Crop [H, W] of `size`."""
    top, left = (int(torch.randint(full - part + 1, (), generator=generator)) for full, part in zip(label.shape, size))
    return label[top : top + size[0], left : left + size[1]]


def as_tensors(batch: dict) -> tuple[Tensor, Tensor]:
    """Turn a collated batch, source first → images uint8 [S + T, 3, H, W] and the source's labels [S, H, W]."""
    samples = batch['data_samples']
    labels = [sample.gt_sem_seg.data for sample in samples if sample.metainfo.get('domain') != 'target']
    return torch.stack(batch['inputs']), torch.cat(labels)
