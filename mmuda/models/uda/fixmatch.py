"""FixMatch (Sohn et al., NeurIPS 2020) with two domains, as DIDA-Net trains (Deng et al., T-IP 2022, Eqs. 7-9).

    L = mean_s CE(p(weak view_s), y_s) + weight_u · mean_t w_t · CE(p(strong view_t), ŷ_t)

ŷ and w are what the same network says of the weak view, without gradient (:class:`FixMatchLabeler`). The released code,
Dassl's FixMatch, differs from the paper in two things, both options here: source images count in the second term too,
and the network makes three passes a step instead of two.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmuda.domain import DomainBatch, DomainLayer, GroupDrawer
from mmuda.registry import MODELS, build_own

from ..data_preprocessors import TwoViewDataPreprocessor
from ..layers import TwoDomainNorm
from ..self_training import FixMatchLabeler, SureLabel
from ..tasks import Task
from .base import UDAModel
from .labelling import PSEUDO_NORMS, labelling_mode


@MODELS.register_module()
class FixMatchUDA(UDAModel):
    """A :class:`UDAModel` whose student learns strong views of the target by its own labels of the weak ones.

    The inputs are weak views; strong ones come from :class:`mmuda.TwoViews` at the end of the target's pipeline.

    Batch norm: the labelling pass is over the weak views of both domains, the batch whose statistics the released code
    has. With ``pseudo_norm='running'`` and without noise images do not depend on each other, and it is over those that
    get labels alone. The student's pass normalises source and strong views together, or each with its own statistics if
    not ``joint``. Running statistics move once in each pass that works on the batch.

    Args:
        task, student, terms, predict_on, data_preprocessor: See :class:`UDAModel`; the task is ``'classification'``.
        labeler: Config of the :class:`FixMatchLabeler`.
        weight_u: Weight of the second term.
        include_source: Whether source images are in the second term too, by the network's labels (released code). The
            source's pipeline then needs two views.
        joint: One pass over ``[source weak | strong]``, or one over each part (released code).
        pseudo_norm, pseudo_noise: How batch norm and random layers (dropout, MixStyle) work while the student labels,
            see :func:`.labelling.labelling_mode`; the released code has ``'train'`` and True.
    """

    def __init__(
        self,
        task: str | dict | Task,
        student: dict | nn.Module,
        terms: dict[str, dict | None] | None = None,
        labeler: dict | None = None,
        weight_u: float = 1.0,
        include_source: bool = False,
        joint: bool = True,
        pseudo_norm: str = 'train',
        pseudo_noise: bool = False,
        predict_on: str = 'student',
        data_preprocessor: dict | None = None,
    ) -> None:
        super().__init__(task, student, terms, predict_on, data_preprocessor)
        _check_options(self.task, weight_u, pseudo_norm)
        if not joint:
            _check_separate(self.student)
        self.data_preprocessor = TwoViewDataPreprocessor(self.student.data_preprocessor, include_source)
        self.labeler: FixMatchLabeler = build_own(MODELS, dict(type='FixMatchLabeler') | dict(labeler or {}))
        self.weight_u = weight_u
        self.joint = joint
        self.pseudo_norm = pseudo_norm
        self.pseudo_noise = pseudo_noise

    def loss(self, inputs: Tensor, data_samples: list, layout: DomainBatch, strong: Tensor) -> dict[str, Tensor]:
        """Source loss, loss of the strong views and alignment terms.

        Args:
            inputs: ``[B, 3, H, W]`` weak views, ``[source | target]``.
            data_samples: Their B samples.
            layout: Their layout.
            strong: Strong views of the last rows: of the target, or of both domains.
        """
        pseudo = self._pseudo_label(inputs, layout, len(strong))
        first = layout.num_source
        inputs = torch.cat((inputs[:first], strong))
        data_samples = [*data_samples[:first], *data_samples[-len(strong) :]]
        layout = DomainBatch(len(inputs) - layout.num_target, layout.num_target)
        layout = self._draw(inputs, data_samples, layout)
        outputs, features = self._passes(inputs, layout, first)
        supervised, unsupervised = self.task.split(outputs, first)
        losses = self.task.source_losses(self.student, supervised, data_samples[:first])
        losses |= self._unsupervised_losses(unsupervised, pseudo)
        return losses | self._term_losses(inputs, outputs, features, data_samples, layout)

    @torch.no_grad()
    def _pseudo_label(self, inputs: Tensor, layout: DomainBatch, count: int) -> SureLabel:
        """The student's labels of the last ``count`` weak views."""
        if self.pseudo_norm == 'running' and not self.pseudo_noise:
            inputs, layout = inputs[-count:], DomainBatch(count - layout.num_target, layout.num_target)
        self.domain_context.set(layout)
        with labelling_mode(self.student, self.pseudo_norm, self.pseudo_noise):
            logits = self.task.logits(self.student, self.task.run(self.student, inputs))
        torch.clear_autocast_cache()  # older torch keeps the weights that it cast here, which have no gradient
        return self.labeler(logits[-count:])

    def _passes(self, inputs: Tensor, layout: DomainBatch, first: int) -> tuple[Tensor, dict]:
        """Scores and tapped features of all rows, by one pass, or by two that part behind the ``first`` rows."""
        if self.joint:
            return self._student_pass(inputs, layout)
        weak = self._student_pass(inputs[:first], DomainBatch(first, 0))
        strong = self._student_pass(inputs[first:], DomainBatch(layout.num_source - first, layout.num_target))
        outputs, features = zip(weak, strong, strict=True)
        return torch.cat(outputs), {name: _join(*(part[name] for part in features)) for name in features[0]}

    def _unsupervised_losses(self, outputs: Any, pseudo: SureLabel) -> dict[str, Tensor]:
        """``loss_target`` and, for the log, the shares of sure labels and of views that agree with theirs."""
        logits = self.task.logits(self.student, outputs)
        loss = self.task.target_loss(logits, pseudo.label, None)
        return dict(
            loss_target=self.weight_u * (pseudo.weight * loss).mean(),
            mask_ratio=pseudo.sure.float().mean(),
            pseudo_accuracy=(logits.detach().max(1).indices == pseudo.label).float().mean(),
        )


def _join(first: Any, second: Any) -> Any:
    """What a tap caught in two passes, as one batch."""
    if isinstance(first, Tensor):
        return torch.cat((first, second))
    return tuple(torch.cat(pair) for pair in zip(first, second, strict=True))


def _check_options(task: Task, weight_u: float, pseudo_norm: str) -> None:
    if not task.labels_images:
        raise ValueError(
            f'FixMatchUDA moves what its strong views show, which a {type(task).__name__} cannot follow with its label '
            "maps: use task='classification', or SelfTrainingUDA for segmentation."
        )
    if weight_u < 0:
        raise ValueError(f'FixMatchUDA has weight_u={weight_u}: a loss weight must not be negative.')
    if pseudo_norm not in PSEUDO_NORMS:
        raise ValueError(f'pseudo_norm={pseudo_norm!r} is unknown: use one of {", ".join(PSEUDO_NORMS)}.')


def _check_separate(student: nn.Module) -> None:
    """Two passes have two layouts: no layer may need both domains at once, or see the second when it recomputes."""
    modules = list(student.modules())
    paired = [module for module in modules if isinstance(module, (TwoDomainNorm, GroupDrawer))]
    if paired:
        raise ValueError(
            f'joint=False passes source and target one after the other, but {type(paired[0]).__name__} needs both in '
            'one pass: set joint=True.'
        )
    recomputed = any(getattr(module, 'with_cp', False) for module in modules)
    layers = [module for module in modules if isinstance(module, DomainLayer)]
    if recomputed and layers:
        raise ValueError(
            f'joint=False has two layouts a step, and activation checkpointing would show {type(layers[0]).__name__} '
            'the second when it recomputes the first: set joint=True, or with_cp=False.'
        )
