"""A UDA method is an ordinary network, wrapped: one student pass over [source | target], losses of both."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from mmuda.domain import DomainBatch, bind_domain_context, group_drawers
from mmuda.registry import MODELS, build_own

from ..alignment import AlignmentTerm, DomainView
from ..alignment.features import last
from ..data_preprocessors import DomainDataPreprocessor
from ..layers import adapting, evaluated_as
from ..tasks import Task, build_task
from .checkpoint import adopt_checkpoint
from .labelling import labelling_mode
from .taps import Taps


@MODELS.register_module()
class UDAModel(BaseModel):
    """Student + task + alignment terms.

    Without terms it computes the stock network's own loss on the source images.

    Args:
        task: ``'segmentation'``, ``'classification'`` or a task's config.
        student: The stock config of an mmseg segmentor or an mmpretrain classifier; it keeps its own
            ``data_preprocessor``.
        terms: Alignment terms by name, each a config dict; a None drops one that a base config set.
        predict_on: Which network evaluates.
        data_preprocessor: Of a student whose config has none of its own, as stock files with a top-level one.
    """

    NETWORKS = ('student',)

    def __init__(
        self,
        task: str | dict | Task,
        student: dict | nn.Module,
        terms: dict[str, dict | None] | None = None,
        predict_on: str = 'student',
        data_preprocessor: dict | None = None,
    ) -> None:
        task = build_task(task)
        if isinstance(student, dict) and data_preprocessor is not None:
            student = dict(data_preprocessor=data_preprocessor) | dict(student)
        net = task.build(student)
        super().__init__(data_preprocessor=DomainDataPreprocessor(net.data_preprocessor))
        self.task = task
        self.student = net
        self.terms = nn.ModuleDict(
            {name: self._build_term(name, cfg) for name, cfg in (terms or {}).items() if cfg is not None}
        )
        self.register_buffer('step', torch.zeros((), dtype=torch.long))
        self.domain_context = bind_domain_context(net)
        self._drawers = group_drawers(net)  # a tuple: they are modules of the student, not of this model
        self._attach_terms()
        self._predict_on = 'student'
        self.predict_on = predict_on
        self._register_load_state_dict_pre_hook(adopt_checkpoint, with_module=True)  # public since torch 2.5

    @staticmethod
    def _build_term(name: str, cfg: dict | nn.Module) -> AlignmentTerm:
        if 'loss' in name:
            raise ValueError(
                f"terms[{name!r}] has 'loss' in its name, and mmengine sums every key with it: rename the term."
            )
        term = cfg if isinstance(cfg, nn.Module) else build_own(MODELS, cfg)
        if not isinstance(term, AlignmentTerm):
            raise TypeError(f'terms[{name!r}] is a {type(term).__name__}, which is no alignment term.')
        return term

    @property
    def predict_on(self) -> str:
        """The network that evaluates: one of ``NETWORKS``."""
        return self._predict_on

    @predict_on.setter
    def predict_on(self, name: str) -> None:
        if name not in self.NETWORKS:
            raise ValueError(
                f'predict_on={name!r} is not a network of {type(self).__name__}: use one of {", ".join(self.NETWORKS)}.'
            )
        self._predict_on = name

    def init_weights(self) -> None:
        """Initialise student and terms as their own configs say, then let each term see the student.

        A second call does nothing.
        """
        if self.is_init:
            return
        self.student.init_weights()
        for term in self.terms.values():
            term.init_weights()
        self._attach_terms()
        self._is_init = True

    def _attach_terms(self) -> None:
        Taps(self.student, self._tapped())  # an unknown name fails here, with those that there are
        for term in self.terms.values():
            term.attach(self.student)

    def _tapped(self) -> dict[str, None]:
        return dict.fromkeys(tap for term in self.terms.values() for tap in term.taps)

    def forward(
        self,
        inputs: Tensor,
        data_samples: list | None = None,
        mode: str = 'tensor',
        layout: DomainBatch | None = None,
        **views: Tensor,
    ) -> Any:
        """``loss`` trains on ``[source | target]``; every other mode is the plain network's own.

        ``views`` are what a subclass's preprocessor prepares beside the inputs.
        """
        if mode != 'loss':
            return getattr(self, self.predict_on)(inputs, data_samples, mode=mode)
        if layout is None:
            raise ValueError(
                "A training pass needs the layout of its batch: let the model's data_preprocessor prepare it."
            )
        losses = self.loss(inputs, data_samples, layout, **views)
        if self.training:
            self.step += 1
        return losses

    def loss(self, inputs: Tensor, data_samples: list, layout: DomainBatch) -> dict[str, Tensor]:
        """Source loss and alignment terms of one batch ``[source | target]``."""
        layout = self._draw(inputs, data_samples, layout)
        outputs, features = self._student_pass(inputs, layout)
        source, _ = self.task.split(outputs, layout.num_source)
        losses = self.task.source_losses(self.student, source, data_samples[: layout.num_source])
        return losses | self._term_losses(inputs, outputs, features, data_samples, layout)

    @torch.no_grad()
    def embed(self, inputs: Tensor, tap: str, domain: str) -> Tensor:
        """Prepared images of one domain ``[B, 3, H, W]`` → what the student has at ``tap``, ``[B, C]``.

        The pass is one of evaluation, with the domain's own statistics in norms that have some of each, and leaves the
        student as it was. Maps are averaged over space; of several the last counts.
        """
        with (
            labelling_mode(self.student, 'running', noise=False),
            evaluated_as(self.student, domain),
            Taps(self.student, (tap,)) as features,
        ):
            self.task.run(self.student, inputs)
        found = last(features[tap])
        return found.flatten(2).mean(2) if found.ndim > 2 else found

    @torch.no_grad()
    def adapt_norms(self, batches: Iterable[Tensor]) -> int:
        """AdaBN's pass over prepared target images ``[B, 3, H, W]``, of all networks: how many of its norms these have.

        Without a batch nothing changes.
        """
        networks = [getattr(self, name) for name in self.NETWORKS]
        with ExitStack() as stack:
            for network in networks:
                stack.enter_context(labelling_mode(network, 'running', noise=False))
            count = sum(stack.enter_context(adapting(network)) for network in networks)
            for inputs in batches:
                for network in networks:
                    self.task.run(network, inputs)
        return count

    def _draw(self, inputs: Tensor, samples: list, layout: DomainBatch) -> DomainBatch:
        """The layout with the groups of a student that wants some."""
        for drawer in self._drawers:
            layout = drawer.draw_groups(layout, inputs, self.task.labels(samples[: layout.num_source]))
        return layout

    def _student_pass(self, inputs: Tensor, layout: DomainBatch) -> tuple[Any, dict]:
        """The one pass of the student: head outputs, and what the terms' taps caught."""
        self.domain_context.set(layout)
        with Taps(self.student, self._tapped()) as features:
            outputs = self.task.run(self.student, inputs, auxiliary=True)
        return outputs, features

    def _term_losses(
        self, inputs: Tensor, outputs: Any, features: dict, samples: list, layout: DomainBatch
    ) -> dict[str, Tensor]:
        if not self.terms:
            return {}
        logits = self.task.logits(self.student, outputs)
        parts = zip(
            layout.split(inputs),
            layout.split(logits),
            _split_features(features, layout),
            strict=True,
        )
        (source_x, source_p, source_f), (target_x, target_p, target_f) = parts
        source = DomainView(source_x, source_f, source_p, self.task.labels(samples[: layout.num_source]))
        pseudo = self.task.pseudo_labels(samples[layout.num_source :])
        if pseudo is not None:
            pseudo = pseudo.to(inputs.device, non_blocking=True)
        target = DomainView(target_x, target_f, target_p, pseudo)
        losses = {}
        for name, term in self.terms.items():
            losses |= _named(name, term(source, target, self.step.clone()))
        return losses


def _named(term: str, returned: dict[str, Tensor]) -> dict[str, Tensor]:
    """What a term returned, under the keys of the log."""
    for key in returned:
        if 'loss' in key and key != 'loss':
            raise ValueError(
                f"terms[{term!r}] returned {key!r}, which is no 'loss' but would be added to the total by its name: "
                "add it to 'loss' if it is to be trained, and log it under a name without 'loss'."
            )
    return {f'loss_{term}' if key == 'loss' else f'{term}.{key}': value for key, value in returned.items()}


def _split_features(features: dict, layout: DomainBatch) -> tuple[dict, dict]:
    source, target = {}, {}
    for name, value in features.items():
        if isinstance(value, Tensor):
            source[name], target[name] = layout.split(value)
        else:
            source[name], target[name] = zip(*(layout.split(x) for x in value), strict=True)
    return source, target
