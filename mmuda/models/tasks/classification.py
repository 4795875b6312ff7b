"""Image classification with mmpretrain: the only place of the models that knows its classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn
from torch.nn import functional as F

from mmuda import compat
from mmuda.registry import TASKS

from ..heads import TwoClassifierHead
from .base import Task

compat.apply()

from mmpretrain.models.classifiers import ImageClassifier
from mmpretrain.models.heads import ClsHead
from mmpretrain.registry import MODELS


@TASKS.register_module(name='classification')
class ClassificationTask(Task):
    """Runs an mmpretrain ``ImageClassifier`` in parts: backbone, neck, head, loss.

    Its outputs are the class scores ``[B, K]``, of a :class:`.TwoClassifierHead` ``[B, 2, K]``.

    Terms tap ``backbone``, ``neck``, ``head.fc`` or any module below.
    """

    labels_images = True

    def build(self, cfg: dict | nn.Module) -> nn.Module:
        """Build the classifier in mmpretrain's scope, so that a stock ``model = dict(...)`` works unchanged.

        Raises:
            TypeError: Not an ``ImageClassifier``, one whose head needs more than its own scores, or one that mixes
                the images of a batch.
        """
        net = cfg if isinstance(cfg, nn.Module) else self._build(dict(cfg))
        _check_classifier(net)
        _check_head(net.head)
        _check_preprocessor(net.data_preprocessor)
        return net

    @staticmethod
    def _build(cfg: dict) -> nn.Module:
        scope = cfg.pop('_scope_', 'mmpretrain')
        with DefaultScope.overwrite_default_scope(scope):
            return MODELS.build(cfg)

    def run(self, net: nn.Module, inputs: Tensor, auxiliary: bool = False) -> Tensor:
        """Map ``[B, 3, H, W]`` → class scores; there are no auxiliary heads."""
        scores = net.head.scores if isinstance(net.head, TwoClassifierHead) else net.head
        return scores(net.extract_feat(inputs))

    def split(self, outputs: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
        """Split scores of a batch into scores of each part."""
        return outputs.split(list(sizes))

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Join scores of several batches to those of all their rows."""
        return torch.cat(list(parts))

    def num_classes(self, net: nn.Module) -> int | None:
        """Return the number of classes of the head."""
        return getattr(net.head, 'num_classes', None)

    def labels(self, samples: Sequence) -> Tensor:
        """Return ``[B]`` class indices.

        Raises:
            ValueError: A sample without exactly one label.
        """
        labels = [sample.get('gt_label') for sample in samples]
        for sample, label in zip(samples, labels):
            if label is None or len(label) != 1:
                name = sample.metainfo.get('img_path', 'a sample')
                raise ValueError(
                    f'{name} has {0 if label is None else len(label)} labels, and a source image needs one: end the '
                    "source's pipeline with dict(type='mmpretrain.PackInputs') on data that have gt_label."
                )
        return torch.cat(labels)

    def losses(
        self,
        net: nn.Module,
        outputs: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        reduction: str | None = None,
    ) -> dict[str, Tensor]:
        """Apply the head's loss module, and sum both of a :class:`.TwoClassifierHead`; an image is one place."""
        losses = [
            _head_loss(head, scores, label, weight, reduction) for head, scores in _classifiers(net.head, outputs)
        ]
        return dict(loss=losses[0] if len(losses) == 1 else sum(losses))

    def scores(self, net: nn.Module, outputs: Tensor, label: Tensor, samples: Sequence) -> dict[str, Tensor]:
        """Return the head's accuracies if it has ``cal_acc``.

        A batch of several sources has ``accuracy_source.<i>`` and ``cross_entropy_source.<i>`` of each, for the log.
        """
        heads = _classifiers(net.head, outputs.detach())
        log = {}
        for number, (head, scores) in enumerate(heads):
            suffix = f'.{number}' if len(heads) > 1 else ''
            log |= {f'{name}{suffix}': value for name, value in _accuracies(head, scores, samples).items()}
        return log | _scores_of_sources(self.logits(net, outputs).detach(), label, samples)

    def logits(self, net: nn.Module, outputs: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Return scores ``[B, K]``, of two classifiers their mean; an image has no label map, and so no size."""
        return outputs.mean(1) if isinstance(net.head, TwoClassifierHead) else outputs

    def valid(self, samples: Sequence, inputs: Tensor) -> None:
        """Return None: padding does not matter to a whole image's label."""


def _classifiers(head: nn.Module, outputs: Tensor) -> list[tuple[ClsHead, Tensor]]:
    """Return each stock head with its scores ``[N, K]``."""
    if not isinstance(head, TwoClassifierHead):
        return [(head, outputs)]
    return list(zip(head.classifiers, outputs.unbind(1), strict=True))


def _head_loss(head: ClsHead, scores: Tensor, label: Tensor, weight: Tensor | None, reduction: str | None) -> Tensor:
    if weight is None and reduction is None:
        return head.loss_module(scores, label, avg_factor=len(scores))
    known = label >= 0
    loss = head.loss_module(scores, label.clamp_min(0), reduction_override='none')
    loss = loss.flatten(1).mean(1) if loss.dim() > 1 else loss
    return ((known if weight is None else known * weight) * loss).mean()


def _accuracies(head: ClsHead, scores: Tensor, samples: Sequence) -> dict[str, Tensor]:
    if not head.cal_acc:
        return {}
    return {key: value for key, value in head._get_loss(scores, list(samples)).items() if key != 'loss'}


def _scores_of_sources(logits: Tensor, label: Tensor, samples: Sequence) -> dict[str, Tensor]:
    """Nothing where all samples are of one source. Rows are found by slices, which no device has to wait for."""
    numbers = [sample.get('source_index', 0) for sample in samples]
    if len(set(numbers)) < 2:
        return {}
    values = dict(
        accuracy_source=(logits.max(1).indices == label).float(),
        cross_entropy_source=F.cross_entropy(logits, label, reduction='none'),
    )
    rows: dict[int, list[slice]] = {number: [] for number in sorted(set(numbers))}
    end = 0
    for number, run in groupby(numbers):
        start, end = end, end + len(list(run))
        rows[number].append(slice(start, end))
    return {
        f'{name}.{number}': torch.cat([value[part] for part in parts]).mean()
        for name, value in values.items()
        for number, parts in rows.items()
    }


def _check_classifier(net: nn.Module) -> None:
    if getattr(type(net), 'loss', None) is not ImageClassifier.loss:
        raise TypeError(
            f'The classification task adapts mmpretrain.ImageClassifier, but the student is a {type(net).__name__}: '
            'give a model that trains on the scores of its head alone.'
        )


def _check_head(head: nn.Module | None) -> None:
    if isinstance(head, TwoClassifierHead):
        return _check_head(head.classifiers[0])
    if not isinstance(head, ClsHead) or type(head).loss is not ClsHead.loss:
        raise TypeError(
            f'The head is a {type(head).__name__}, whose loss needs more than its own scores, and a joint pass over '
            'two domains cannot split that: choose a head that keeps ClsHead.loss, such as LinearClsHead.'
        )


def _check_preprocessor(preprocessor: nn.Module) -> None:
    if getattr(preprocessor, 'batch_augments', None) or getattr(preprocessor, 'to_onehot', False):
        raise TypeError(
            "The student's data_preprocessor mixes images or makes one-hot labels, and target images have no labels "
            'for that: leave out train_cfg.augments and to_onehot.'
        )
