"""Pseudo-labels of target images from files: label maps that an earlier model predicted, for a round of self-training.

The files are named as `tools/infer.py` and `tools/test.py --out` name them: `NAME.png` for the image `NAME.*`, in the
same sub-folders. They hold class ids; 255 is a pixel without a label.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path

from mmengine.dataset import Compose
from torch.utils.data import Dataset

from .class_map import identity_table
from .errors import DataError
from .listing import split_suffix, stored_paths


def with_stored_labels(dataset: Dataset, folder: str) -> Dataset:
    """Return a shallow copy of a target data set whose pipeline loads these labels, which crops and flips then follow.

    Raises:
        DataError: Images without a file, a pipeline without a place for labels, or no plain segmentation set.
    """
    from .transforms.loading import LoadIgnoreLabel, LoadStoredLabel  # needs mmcv, which a data set of tensors does not

    pipeline = getattr(getattr(dataset, 'pipeline', None), 'transforms', None)
    images = (getattr(dataset, 'data_prefix', None) or {}).get('img_path')
    if pipeline is None or images is None:
        raise DataError(
            f'pseudo_labels={folder!r} is for a target of one folder of images, but it is a '
            f'{type(dataset).__name__}: give one data set, such as a FolderSegmentation.'
        )
    if not any(isinstance(step, LoadIgnoreLabel) for step in pipeline):
        raise DataError(
            f"pseudo_labels={folder!r} takes the place of the target's label loader, and its pipeline has none: add "
            "dict(type='mmuda.LoadLabel') behind the image."
        )
    files = _files(dataset, images, folder)
    classes = len(dataset.metainfo.get('classes') or ())
    loader = LoadStoredLabel(files, identity_table(classes), classes)
    labelled = copy.copy(dataset)
    labelled.pipeline = Compose([loader if isinstance(step, LoadIgnoreLabel) else step for step in pipeline])
    return labelled


def _files(dataset: Dataset, images: str, folder: str) -> dict[str, str]:
    """Return the label file of each image."""
    paths = [dataset.get_data_info(number)['img_path'] for number in range(len(dataset))]
    names = [f'{split_suffix(os.path.relpath(path, images))[0]}.png' for path in paths]
    files = dict(zip(paths, stored_paths(folder, names, ('.png',), predictions=True)))
    missing = [(path, file) for path, file in files.items() if not Path(file).is_file()]
    if missing:
        path, file = missing[0]
        raise DataError(
            f"pseudo_labels has no label map of {len(missing)} of {len(files)} target images, such as '{file}' of "
            f"'{path}': predict them with tools/infer.py, or name the folder that has labels of all."
        )
    return files
