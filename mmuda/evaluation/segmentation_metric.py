"""IoU of every class, and means over named sub-lists of classes.

SYNTHIA has 16 of Cityscapes' 19 classes, and papers report the mean over these 16 or over 13 of them
while a stock metric prints the mean over 19. Here each mean carries its own name.
"""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.logging import print_log
from prettytable import PrettyTable
from torch import Tensor

from mmuda import compat
from mmuda.registry import METRICS

compat.apply()

from mmseg.evaluation import IoUMetric


@METRICS.register_module()
class SegmentationMetric(IoUMetric):
    """mmseg's `IoUMetric` with `report_classes`, per-class scores among the results, exact counts.

    Args:
        report_classes: name of a score -> names of the classes it is the mean IoU of, for example
            `dict(mIoU16=[...])`. Like mIoU it skips classes that occur neither in the truth nor in
            the prediction.
        per_class: also return `IoU.<class>` for every class.
        areas: also return `intersection.<class>` and `union.<class>` in pixels: summed over several evaluations, they
            give the score of all their images together.
        kwargs: as for `IoUMetric`.
    """

    default_prefix = ''  # scores keep their bare names; None would make mmengine warn of it in every run

    def __init__(
        self, report_classes: dict | None = None, per_class: bool = True, areas: bool = False, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.report_classes = {name: list(chosen) for name, chosen in (report_classes or {}).items()}
        self.per_class = per_class
        self.areas = areas

    @property
    def dataset_meta(self) -> dict | None:
        """Return meta information of the data set that is scored."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, meta: dict) -> None:
        """Check that the data set has the classes that are reported together."""
        for name, chosen in self.report_classes.items():
            unknown = [c for c in chosen if c not in meta['classes']]
            if unknown or not chosen:
                raise ValueError(
                    f'report_classes.{name} names {unknown or "no class"}: the data '
                    f'set has the classes {list(meta["classes"])}.'
                )
        self._dataset_meta = meta

    def compute_metrics(self, results: list) -> dict:
        """Return mmseg's scores, then the means over sub-lists and the scores of single classes."""
        scores = super().compute_metrics(results)
        if self.format_only:
            return scores
        intersection, union = (sum(areas) for areas in list(zip(*results))[:2])
        values = 100 * (intersection / union).numpy()
        iou = dict(zip(self.dataset_meta['classes'], values))
        means = {name: float(np.nanmean([iou[c] for c in chosen])) for name, chosen in self.report_classes.items()}
        if means:
            print_log('\n' + self._table(means), 'current')
        scores.update({name: round(mean, 2) for name, mean in means.items()})
        if self.per_class:
            scores.update({f'IoU.{name}': round(float(value), 2) for name, value in iou.items()})
        if self.areas:
            for kind, areas in (('intersection', intersection), ('union', union)):
                scores.update({f'{kind}.{name}': int(area) for name, area in zip(iou, areas)})
        return scores

    def _table(self, means: dict) -> str:
        table = PrettyTable(['Score', 'Value', 'Classes', 'Left out'])
        for name, mean in means.items():
            chosen = self.report_classes[name]
            left_out = [c for c in self.dataset_meta['classes'] if c not in chosen]
            table.add_row([name, f'{mean:.2f}', len(chosen), ', '.join(left_out) or '-'])
        return table.get_string()

    @staticmethod
    def intersect_and_union(pred_label: Tensor, label: Tensor, num_classes: int, ignore_index: int) -> Sequence[Tensor]:
        """Count pixels of intersection, union, prediction and truth, float64 [classes] each.

        Unlike mmseg's it counts integers (float32 sums drift on large sets) and refuses a label or a
        prediction outside the classes.
        """
        valid = label != ignore_index
        truth, predicted = label[valid].long(), pred_label[valid].long()
        _check_inside(truth, num_classes, 'A label map', 'check the label files and the class map.')
        _check_inside(predicted, num_classes, 'A prediction', "set the heads' num_classes to the number of classes.")
        pairs = torch.bincount(truth * num_classes + predicted, minlength=num_classes**2)
        confusion = pairs.reshape(num_classes, num_classes).cpu().double()
        intersection, area_truth = confusion.diag(), confusion.sum(1)
        area_predicted = confusion.sum(0)
        return (intersection, area_truth + area_predicted - intersection, area_predicted, area_truth)


def _check_inside(numbers: Tensor, num_classes: int, what: str, remedy: str) -> None:
    if numbers.numel() and int(numbers.max()) >= num_classes:
        raise ValueError(
            f'{what} has the value {int(numbers.max())}, but there are only {num_classes} classes: {remedy}'
        )
