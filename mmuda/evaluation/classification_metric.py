"""Accuracy over all images, and the mean of the classes' accuracies, which is VisDA-2017's score."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.evaluator import BaseMetric

from mmuda.registry import METRICS


@METRICS.register_module()
class ClassificationMetric(BaseMetric):
    """Percentages: `accuracy`, `mean_class_accuracy` and, if asked for, `accuracy.<class>`.

    A class without a test image counts in neither mean. Works on mmpretrain's data samples (`gt_label`, `pred_label`).

    Args:
        per_class: also return the accuracy of every class.
        counts: also return `correct.<class>` and `images.<class>`: summed over several evaluations, they give the score
            of all their images together.
        kwargs: as for mmengine's `BaseMetric`.
    """

    default_prefix = ''  # scores keep their bare names

    def __init__(self, per_class: bool = False, counts: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.per_class = per_class
        self.counts = counts

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep the true and the predicted class of each image.

        Raises:
            ValueError: An image without one class.
        """
        for sample in data_samples:
            truth = sample.get('gt_label')
            if truth is None or truth.numel() != 1 or truth < 0:
                raise ValueError(
                    f'{sample.get("img_path", "An image")} has the classes {truth} where ClassificationMetric needs '
                    'one to score: give the evaluation a labelled data set with one class an image.'
                )
            self.results.append((int(sample['gt_label']), int(sample['pred_label'])))

    def compute_metrics(self, results: list[tuple[int, int]]) -> dict[str, float]:
        """Return scores from all processes' results."""
        truth, predicted = torch.tensor(results).unbind(1)
        self._check(truth, 'An image has', 'check `metainfo.classes` and the labels')
        self._check(predicted, 'A prediction is', "set the head's num_classes to the number of classes")
        count = max(len(self._classes()), int(truth.max()) + 1)
        total = torch.bincount(truth, minlength=count).double()
        right = torch.bincount(truth[truth == predicted], minlength=count).double()
        accuracy = (100 * right / total).numpy()  # nan for a class without images
        scores = dict(
            accuracy=round(100 * float(right.sum() / total.sum()), 2),
            mean_class_accuracy=round(float(np.nanmean(accuracy)), 2),
        )
        names = self._classes() or [str(i) for i in range(count)]
        if self.per_class:
            scores.update({f'accuracy.{name}': round(float(x), 2) for name, x in zip(names, accuracy)})
        if self.counts:
            for key, values in dict(correct=right, images=total).items():
                scores.update({f'{key}.{name}': int(x) for name, x in zip(names, values)})
        return scores

    def _check(self, numbers: torch.Tensor, what: str, remedy: str) -> None:
        count = len(self._classes())
        if count and int(numbers.max()) >= count:
            raise ValueError(f'{what} the class {int(numbers.max())}, but there are only {count} classes: {remedy}.')

    def _classes(self) -> list[str]:
        return list((self.dataset_meta or {}).get('classes') or ())
