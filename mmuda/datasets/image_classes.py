"""The class of every image of a labelled data set, without loading the images."""

from collections.abc import Sequence

import numpy as np

from .errors import DataError


def image_classes(datasets: Sequence, names: Sequence[str], num_classes: int | None = None) -> np.ndarray:
    """Return the class numbers of all images of several data sets, one after the other.

    Args:
        datasets: sets whose `get_data_info` knows the `gt_label` of an image, also inside mmengine's wrappers.
        names: what an error calls them.
        num_classes: how many classes there are, counted from 0; None: any number.
    """
    return np.concatenate([_classes_of(part, name, num_classes) for part, name in zip(datasets, names)])


def _classes_of(dataset, name: str, num_classes: int | None) -> np.ndarray:
    found = np.array([_class_of(dataset, i, name) for i in range(len(dataset))], int)
    end = np.inf if num_classes is None else num_classes
    wrong = found[(found < 0) | (found >= end)]
    if len(wrong):
        raise DataError(
            f'{name} has an image of class {wrong[0]}, but classes are from 0 to {end - 1}: check '
            '`metainfo.classes` and the labels.'
        )
    return found


def _class_of(dataset, index: int, name: str) -> int:
    info = dataset.get_data_info(index) if hasattr(dataset, 'get_data_info') else {}
    label = np.atleast_1d(info.get('gt_label', []))
    if label.shape != (1,):
        raise DataError(
            f'{name} knows {label.size} classes of its image {index}, and sampling by classes needs one: give a '
            'classification set whose data list has gt_label, such as mmuda.FolderClassification.'
        )
    return int(label[0])
