"""Which classes a network takes for which: the classes of a data sample, and pairs of them counted."""

from __future__ import annotations

from typing import Any

import numpy as np


def predicted_classes(sample: Any) -> np.ndarray:
    """Return the class ids that a sample predicts: ``[H, W]`` of a segmented image, ``[1]`` of a classified one."""
    return (sample.pred_sem_seg.data[0] if 'pred_sem_seg' in sample else sample.pred_label).cpu().numpy()


def true_classes(sample: Any) -> np.ndarray:
    """Return the true class ids of a data sample, shaped as those predicted."""
    return (sample.gt_sem_seg.data[0] if 'gt_sem_seg' in sample else sample.gt_label).cpu().numpy()


def count_pairs(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Tell how often each class is taken for each, int64 ``[K, K]``: a row a true class, a column a predicted one.

        >>> count_pairs(np.array([0, 0, 1, 255]), np.array([0, 1, 1, 0]), 2)
        array([[1, 1],
               [0, 1]])

    Args:
        truth: Class ids; those that are no class do not count.
        predicted: Class ids of the same shape.
        classes: K.
    """
    valid = (truth >= 0) & (truth < classes)
    pairs = np.bincount(truth[valid].astype(int) * classes + predicted[valid], minlength=classes**2)
    return pairs.reshape(classes, classes)
