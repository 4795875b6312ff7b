"""Labelled source(s) and an unlabelled target as one data set.

Index space: the sources one after the other, then the target. Every sample leaves with its `domain` in the meta
information, a source sample also with its `source_index`, a target sample with the `pseudo_label` of its index, if it
has one. A target sample is an image and an all-ignore map
(segmentation) or label (classification), whatever lies on disk, so a stock head's loss is source-only.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate, islice
from types import MappingProxyType

import numpy as np
import torch
from mmengine.structures import PixelData
from torch.utils.data import Dataset

from mmuda.registry import DATASETS

from .checks import check_every_class_is_shown, check_same_classes
from .errors import DataError
from .label_free import strip_labels, without_labels
from .prepared import with_prepared
from .redraw import redraws
from .seeding import seeded
from .stored_labels import with_stored_labels

Part = dict | Dataset
IGNORED_CLASS = -100
"""The class of a target image: what torch's cross-entropy ignores."""


@DATASETS.register_module()
class DomainDataset(Dataset):
    """Join data sets of two domains.

    Args:
        source: a data set or its config, or a list of them (several sources).
        target: a data set or its config. Its labels are never read: in a config
            `data_prefix.seg_map_path` is dropped, label-loading transforms are replaced, and sets
            that have it are built with `labelled=False`. None trains on the source alone.
        ignore_index: label of every target pixel.
        rare_class_retries: how often a source sample that a `RareClassSampler` picked for a class
            is drawn again while its crop shows too little of that class.
        rare_class_min_pixels: more pixels than these are enough (DAFormer: half of the sampler's 3000); or more than
            `rare_class_ratio` times the sampler's minimum for the class, where that is lower.
        rare_class_ratio: DAFormer has 0.5, HRDA and MIC 2.0 for their larger images.
        pseudo_labels: folder of label maps that an earlier model predicted for the target's images, see
            `stored_labels`; `StoredLabels` hands them to the terms. None: target images have no labels.
        prepared: folder that `tools/prepare_data.py` has filled for this data set's config: what the first, fixed steps
            of the pipelines give is read from there. None: it is made of the originals each time.
    """

    METAINFO: Mapping = MappingProxyType({})
    """Of a built set its ``metainfo``, by the name under which mmseg's ``browse_dataset`` looks for it."""

    def __init__(
        self,
        source: Part | Sequence[Part],
        target: Part | None = None,
        ignore_index: int = 255,
        rare_class_retries: int = 10,
        rare_class_min_pixels: int = 1500,
        rare_class_ratio: float = 0.5,
        pseudo_labels: str | None = None,
        prepared: str | None = None,
    ) -> None:
        if not 0 <= ignore_index <= 255 or min(rare_class_retries, rare_class_min_pixels, rare_class_ratio) < 0:
            raise DataError(
                f'DomainDataset has ignore_index={ignore_index}, rare_class_retries={rare_class_retries}, '
                f'rare_class_min_pixels={rare_class_min_pixels} and rare_class_ratio={rare_class_ratio}: the first is '
                'from 0 to 255, the others 0 or more.'
            )
        sources = source if isinstance(source, (list, tuple)) else [source]
        if not sources:
            raise DataError('DomainDataset has no source: give a data set or a list of them.')
        self.datasets: list[Dataset] = [_build(part) for part in sources]
        self.num_sources = len(self.datasets)
        if target is not None:
            self.datasets.append(_build_target(target, pseudo_labels))
        if prepared is not None:
            self.datasets = with_prepared(self.datasets, prepared)
        self.names = [self._name(i) for i in range(len(self.datasets))]
        self.metainfo = self.METAINFO = check_same_classes(self.datasets, self.names)
        check_every_class_is_shown(self.datasets[: self.num_sources], self.metainfo.get('classes'))
        self.sizes = [len(dataset) for dataset in self.datasets]
        self._ends = list(accumulate(self.sizes))
        self.ignore_index = ignore_index
        self.stored_labels = pseudo_labels is not None
        self.rare_class_retries = rare_class_retries
        self.rare_class_min_pixels = rare_class_min_pixels
        self.rare_class_ratio = rare_class_ratio

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> dict:
        """Return the packed sample; with a `SampleIndex` that has a seed, a function of (index, seed)."""
        stream, within = self.locate(index)
        with seeded(getattr(index, 'seed', None)):
            if stream < self.num_sources:
                packed = self._source_sample(stream, within, index)
                where = dict(domain='source', source_index=stream)
            else:
                packed, where = self._target_sample(stream, within)
                where |= _pseudo_label(index)
        packed['data_samples'].set_metainfo(where)
        return packed

    def locate(self, index: int) -> tuple:
        """Return (number of the data set, index within it) of an index."""
        if not 0 <= index < len(self):
            raise IndexError(f'index {int(index)} is not one of {len(self)} samples.')
        stream = bisect_right(self._ends, index)
        return stream, int(index) - (self._ends[stream] - self.sizes[stream])

    def get_data_info(self, index: int) -> dict:
        """Tell what the data set behind an index knows about the sample before loading it."""
        stream, within = self.locate(index)
        return self.datasets[stream].get_data_info(within)

    def _source_sample(self, stream: int, within: int, index: int) -> dict:
        packed = self._packed(stream, within)
        rare_class = getattr(index, 'rare_class', None)
        if rare_class is None:
            return packed
        shown = getattr(index, 'rare_pixels', None)
        least = self.rare_class_min_pixels
        if shown is not None:
            least = min(least, int(self.rare_class_ratio * shown))
        if _pixels(packed, rare_class) > least:
            return packed
        for packed in islice(redraws(self.datasets[stream], within), self.rare_class_retries):
            if _pixels(packed, rare_class) > least:
                break
        return packed

    def _target_sample(self, stream: int, within: int) -> tuple[dict, dict]:
        """Load a target sample without its ground truth; return it and what to note of it."""
        packed = self._packed(stream, within)
        sample = packed['data_samples']
        stored = sample.get('gt_sem_seg') if self.stored_labels else None
        hide_labels(packed, self.ignore_index)
        if stored is None:
            return packed, dict(domain='target')
        sample.gt_sem_seg = stored
        return packed, dict(domain='target', stored_label=True)

    def _packed(self, stream: int, within: int) -> dict:
        packed = self.datasets[stream][within]
        if not isinstance(packed, dict) or 'data_samples' not in packed:
            raise DataError(
                f'The pipeline of {self.names[stream]} yields no packed sample: end it '
                "with dict(type='mmseg.PackSegInputs') or dict(type='mmpretrain.PackInputs')."
            )
        return packed

    def _name(self, number: int) -> str:
        dataset = self.datasets[number]
        role = f'source {number}' if number < self.num_sources else 'the target'
        root = getattr(dataset, 'data_root', None)
        return f'{role} ({type(dataset).__name__}{f", {root}" if root else ""})'


def _pixels(packed: dict, number: int) -> int:
    """Tell how many pixels of a class a crop shows."""
    return int(np.count_nonzero(packed['data_samples'].gt_sem_seg.data.numpy() == number))


def _pseudo_label(index: int) -> dict:
    label = getattr(index, 'pseudo_label', None)
    return {} if label is None else dict(pseudo_label=label)


def hide_labels(packed: dict, ignore_index: int = 255) -> None:
    """Drop every ground truth of a packed sample; it gets an all-ignore map, or an ignored class."""
    sample = packed['data_samples']
    truths = [name for name in set(sample.keys()) if name.startswith('gt_')]
    for name in truths:
        delattr(sample, name)
    if 'seg_map_path' in sample.metainfo_keys():
        del sample.seg_map_path
    if hasattr(type(sample), 'gt_sem_seg'):
        size = packed['inputs'].shape[-2:]
        ignored = torch.tensor(ignore_index).expand(1, *size)  # one number in memory, and on its way from a worker
        sample.gt_sem_seg = PixelData(data=ignored)
    elif hasattr(type(sample), 'set_gt_label'):
        sample.set_gt_label(IGNORED_CLASS)


def _build(part: Part) -> Dataset:
    return DATASETS.build(part) if isinstance(part, dict) else part


def _build_target(part: Part, pseudo_labels: str | None = None) -> Dataset:
    if isinstance(part, (list, tuple)):
        raise DataError(
            f'target is a list of {len(part)}: give one data set; several folders '
            "join in a dict(type='ConcatDataset', datasets=[...])."
        )
    dataset = _build(strip_labels(part)) if isinstance(part, dict) else without_labels(part)
    return dataset if pseudo_labels is None else with_stored_labels(dataset, pseudo_labels)
