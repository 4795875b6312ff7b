"""A UDA method is an ordinary network, wrapped: views of two domains, a pass over them, terms of the loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmuda.domain import DOMAINS, DomainBatch, bind_domain_context, group_drawers
from mmuda.registry import MODELS

from ..data_preprocessors import DomainDataPreprocessor, TwoViewDataPreprocessor
from ..labellers import Labeller
from ..layers import inference_pass
from ..tasks import Task, build_task
from ..terms import Term
from ..terms.features import last
from ..terms.training_length import FollowsLength
from ..views import Normalization, StrongView, View, ViewMaker
from .backward import EarlyBackward
from .checkpoint import adopt_checkpoint
from .methods import moved_key, with_methods
from .parts import build_labeller, build_parts, named_losses, summed_losses, with_num_classes
from .passes import draw_layouts, join_inputs, layout_of, loaded_views, pass_views
from .plan import plan_step
from .taps import Taps


@MODELS.register_module()
class UDAModel(BaseModel):
    """Student + task + labeller + makers + terms: one training step of any method.

    With the source's term alone it computes the stock network's own loss on the source images.

    Args:
        task: ``'segmentation'``, ``'classification'`` or a task's config.
        student: The stock config of an mmseg segmentor or an mmpretrain classifier; it keeps its own
            ``data_preprocessor``.
        terms: Terms by name, each a config dict; a None drops one that a base config set. ``source``, a
            :class:`mmuda.SupervisedLoss`, need not be said, nor ``num_classes`` where it is the student's.
        labeller: Config of who labels the target (None: nobody).
        views: Makers of further views by the names of these, in their order.
        passes: ``'joint'``: one pass over all views that some term reads. ``'separate'``: one over each. Or the names
            of the views of each pass. In a training step, passes that share no term go backward one after the other.
        predict_on: Which network evaluates.
        data_preprocessor: Of a student whose config has none of its own, as stock files with a top-level one.
        methods: Configs of further arguments, merged key by key.
    """

    NETWORKS = ('student',)
    PASSED: tuple[str, ...] = ()
    """Views that the student sees though no term reads them."""
    moved_key = staticmethod(moved_key)
    """Where an argument of earlier versions is now, if anywhere."""

    @with_methods
    def __init__(
        self,
        task: str | dict | Task,
        student: dict | nn.Module,
        terms: dict[str, dict | None] | None = None,
        labeller: dict | None = None,
        views: dict[str, dict | None] | None = None,
        passes: str | Sequence[Sequence[str]] = 'joint',
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
        terms = dict(source=dict(type='SupervisedLoss')) | dict(terms or {})
        self.terms = build_parts('terms', with_num_classes(terms, task.num_classes(net)), Term)
        self.register_buffer('step', torch.zeros((), dtype=torch.long))
        self.labeller: Labeller | None = build_labeller(labeller, type(self).__name__, self.NETWORKS)
        self.views = build_parts('views', views or {}, ViewMaker)
        self.plan = plan_step(
            dict(self.terms.items()), dict(self.views.items()), self.labeller, passes, net, self.PASSED
        )
        self.data_preprocessor = self._preprocessor()
        self.domain_context = bind_domain_context(net)
        self._drawers = group_drawers(net)  # a tuple: they are modules of the student, not of this model
        self._attach_terms()
        self._backward: EarlyBackward | None = None
        self._normalization: Normalization | None = None
        self._predict_on = 'student'
        self.predict_on = predict_on
        self.register_load_state_dict_pre_hook(adopt_checkpoint)

    def _preprocessor(self) -> DomainDataPreprocessor:
        """Make the preprocessor, of strong views where a maker takes them; it refuses a batch that lacks a domain."""
        strong = [maker for maker in self.views.values() if isinstance(maker, StrongView)]
        if strong and not self.task.labels_images:
            raise ValueError(
                f'StrongView moves what an image shows, which a {type(self.task).__name__} cannot follow with its '
                "label maps: use task='classification', or a StudentView of SelfTrainingUDA."
            )
        host = self.student.data_preprocessor
        required = tuple(name for name in DOMAINS if name in self.plan.needed)
        if not strong:
            return DomainDataPreprocessor(host, required)
        both = any(self.plan.origins[maker.of[0]] == 'source' for maker in strong)
        return TwoViewDataPreprocessor(host, include_source=both)

    @property
    def predict_on(self) -> str:
        """The network that evaluates: one of ``NETWORKS``."""
        return self._predict_on

    @predict_on.setter
    def predict_on(self, name: str) -> None:
        """Choose it."""
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

    parse_losses = staticmethod(summed_losses)

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Make one update by one batch of the dataloader, as mmengine's models make it."""
        with self.backward_by(optim_wrapper):
            return super().train_step(data, optim_wrapper)

    @contextmanager
    def backward_by(self, optim_wrapper: OptimWrapper) -> Iterator[None]:
        """Go backward early in this block, from all losses of a training pass but the last pass's.

        Outside of it, as in a step of a stock wrapper of several processes, losses keep their graphs to the end.
        """
        self._backward = EarlyBackward(optim_wrapper)
        try:
            yield
        finally:
            self._backward = None

    def forward(
        self,
        inputs: Tensor,
        data_samples: list | None = None,
        mode: str = 'tensor',
        layout: DomainBatch | None = None,
        strong: Tensor | None = None,
    ) -> Any:
        """Train on ``[source | target]`` with ``loss``; every other mode is the plain network's own."""
        if mode != 'loss':
            return getattr(self, self.predict_on)(inputs, data_samples, mode=mode)
        if layout is None:
            raise ValueError(
                "A training pass needs the layout of its batch: let the model's data_preprocessor prepare it."
            )
        losses = self.loss(inputs, data_samples, layout, strong)
        if self.training:
            self.step += 1
        return losses

    def loss(
        self, inputs: Tensor, data_samples: list, layout: DomainBatch, strong: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return what the terms make of one batch ``[source | target]``.

        Args:
            inputs: ``[B, 3, H, W]``.
            data_samples: Their B samples.
            layout: Their layout.
            strong: Strong views of the last rows: of the target, or of both domains.
        """
        views, layouts, log = self.views_of(inputs, data_samples, layout, strong)
        losses: dict[str, dict[str, Tensor]] = {}
        for group, layout, due in zip(self.plan.passes, layouts, self.plan.due, strict=True):
            self.domain_context.set(layout)
            views |= pass_views(self.task, self.student, {name: views[name] for name in group}, self._tapped())
            losses |= self._learn(due, views, early=group is not self.plan.passes[-1])
        joined = {key: value for name in self.terms for key, value in losses[name].items()}
        return (self._backward.joined(joined, self.parameters()) if self._backward else joined) | log

    def _learn(self, terms: Sequence[str], views: dict[str, View], early: bool) -> dict[str, dict[str, Tensor]]:
        """Return what some terms make of views that nobody needs afterwards; ``early``: with a backward pass."""
        losses, step = {}, self.step.clone()
        for name in terms:
            read = (views[view] for view in self.terms[name].reads)
            losses[name] = named_losses(name, self.terms[name](*read, step=step))
        for name in {view for term in terms for view in self.terms[term].reads}:
            del views[name]
        if early and self._backward:
            return self._backward(losses)
        return losses

    def views_of(
        self, inputs: Tensor, data_samples: list, layout: DomainBatch, strong: Tensor | None = None
    ) -> tuple[dict[str, View], list[DomainBatch], dict[str, Tensor]]:
        """Return the views of a batch as the student is to see them, the layout of each pass, and values for the log.

        Arguments as of :meth:`loss`.
        """
        views = loaded_views(self.task, self.plan.needed, inputs, data_samples, layout, strong)
        # before the labeller's pass: the host reads the sizes of groups
        layouts = draw_layouts(self.plan, views, self._drawers)
        log = self._label(views)
        self._make(views)
        return views, layouts, log

    @torch.no_grad()
    def _label(self, views: dict[str, View]) -> dict[str, Tensor]:
        """Let the labeller fill in labels and weights; values for the log."""
        if not self.plan.labels:
            return {}
        labelled, log = self.labeller(views, self._ask)
        views |= labelled
        return log

    def _ask(self, network: str, views: Sequence[View], **mode) -> Tensor:
        """Ask one network, without gradient, for class scores of the rows of some views, at their size."""
        net = getattr(self, network)
        inputs = join_inputs(views)
        with ExitStack() as stack:
            if mode:
                bind_domain_context(net).set(layout_of(views))
                stack.enter_context(inference_pass(net, **mode))
            logits = self.task.logits(net, self.task.run(net, inputs), inputs.shape[-2:])
        torch.clear_autocast_cache()  # older torch keeps the weights that it cast here, which have no gradient
        return logits

    @torch.no_grad()
    def _make(self, views: dict[str, View]) -> None:
        """Let the makers that are needed add their views."""
        for name in self.plan.makers:
            self._normalization = Normalization.of(self.data_preprocessor.host, self.step.device, self._normalization)
            made = self.views[name](views, self._normalization)
            views |= made if isinstance(made, dict) else {name: made}

    def set_length(self, length: int) -> None:
        """Tell all parts that count steps how many the training has."""
        for part in self.modules():
            if isinstance(part, FollowsLength):
                part.length = length

    @torch.no_grad()
    def embed(self, inputs: Tensor, tap: str, domain: str) -> Tensor:
        """Map prepared images of one domain ``[B, 3, H, W]`` → what the student has at ``tap``, ``[B, C]``.

        The pass is one of evaluation, with the domain's own statistics in norms that have some of each, and leaves the
        student as it was. Maps are averaged over space; of several the last counts.
        """
        with inference_pass(self.student, domain=domain), Taps(self.student, (tap,)) as features:
            self.task.run(self.student, inputs)
        found = last(features[tap])
        return found.flatten(2).mean(2) if found.ndim > 2 else found

    @torch.no_grad()
    def adapt_norms(self, batches: Iterable[Tensor]) -> int:
        """Pass prepared target images ``[B, 3, H, W]`` for AdaBN; return how many of its norms the networks have.

        Without a batch nothing changes.
        """
        networks = [getattr(self, name) for name in self.NETWORKS]
        with ExitStack() as stack:
            count = sum(stack.enter_context(inference_pass(network, norm='adapt')) for network in networks)
            for inputs in batches:
                for network in networks:
                    self.task.run(network, inputs)
        return count
