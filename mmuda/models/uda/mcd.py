"""Maximum classifier discrepancy (MCD, Saito et al., CVPR 2018, Sec. 3.3) as its paper trains it: three steps in turn.

    A   min_{G,F1,F2}  L_s                       L_s = mean_s CE(F1(G(x)), y) + CE(F2(G(x)), y)
    B   min_{F1,F2}    L_s − d                   d = mean_t mean_k |p_1k − p_2k|,  p_i = softmax F_i(G(x))
    C   min_G          d                         n times on the same batch

All steps see the same batch, and one optimizer makes them. What a step does not train keeps its values exactly: it has
no gradient then, so neither momentum nor weight decay moves it. Running statistics of norms move in every pass, as in
the released code; there each domain passes alone, here each pass is over ``[source | target]``, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mmengine import dist
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmuda.domain import DOMAINS, DomainBatch
from mmuda.functional import classifier_discrepancy
from mmuda.registry import MODELS

from ..tasks import Task
from ..terms.mcd import two_classifiers
from .base import UDAModel
from .methods import with_methods


@MODELS.register_module()
class MCDUDA(UDAModel):
    """A :class:`UDAModel` whose iteration has three steps: classifiers part on the target, features join them again.

    The classifiers are the student's head, a :class:`mmuda.TwoClassifierHead`; the generator is all the rest of it.
    Terms train in step A. The model steps the optimizer itself, which the wrapper of several processes does not know
    of: there use the term :class:`mmuda.MCD`, one backward pass.

    Args:
        task, student: See :class:`UDAModel`; the task is ``'classification'``.
        num_generator_steps: n of step C.
        discrepancy_weight: Factor of d in steps B and C.
        kwargs: Further arguments of :class:`UDAModel`.
    """

    PASSED = DOMAINS

    @with_methods
    def __init__(
        self,
        task: str | dict | Task,
        student: dict | nn.Module,
        num_generator_steps: int = 4,
        discrepancy_weight: float = 1.0,
        **kwargs,
    ) -> None:
        super().__init__(task, student, **kwargs)
        two_classifiers(self.student, 'MCDUDA')
        if num_generator_steps < 1 or discrepancy_weight <= 0:
            raise ValueError(
                f'MCDUDA has num_generator_steps={num_generator_steps} and discrepancy_weight={discrepancy_weight}: '
                'give one step or more, and a positive weight.'
            )
        self.num_generator_steps = num_generator_steps
        self.discrepancy_weight = discrepancy_weight

    def train_step(self, data: dict, optim_wrapper: OptimWrapper) -> dict[str, Tensor]:
        """Make steps A, B and C on one batch of the dataloader; ``step`` advances by one.

        Returns:
            The log: losses of A, the discrepancy that B raised and the one that the last C lowered.
        """
        _check_accumulation(optim_wrapper)
        classifiers = list(self.student.head.parameters())
        in_head = {id(parameter) for parameter in classifiers}
        generator = [parameter for parameter in self.student.parameters() if id(parameter) not in in_head]
        with optim_wrapper.optim_context(self):
            batch = self.data_preprocessor(data, True)
            losses = self._run_forward(batch, mode='loss')
        loss, log = self.parse_losses(losses)
        _update(optim_wrapper, loss)
        with _frozen(generator):
            raised = self._classifier_step(batch, optim_wrapper)
        with _frozen(classifiers):
            for _ in range(self.num_generator_steps):
                lowered = self._generator_step(batch, optim_wrapper)
        return log | dict(classifier_discrepancy=raised, generator_discrepancy=lowered)

    def loss(self, inputs: Tensor, data_samples: list, layout: DomainBatch, strong: None = None) -> dict[str, Tensor]:
        """Return what step A learns from: the source loss of both classifiers, and alignment terms.

        Raises:
            RuntimeError: Several processes, whose wrapper would train step A alone.
        """
        if dist.get_world_size() > 1:
            raise RuntimeError(
                f'MCDUDA steps its optimizer itself, but there are {dist.get_world_size()} processes, whose wrapper '
                "never calls it: use one process, or UDAModel with terms=dict(mcd=dict(type='mmuda.MCD'))."
            )
        return super().loss(inputs, data_samples, layout, strong)

    def _classifier_step(self, batch: dict, optim_wrapper: OptimWrapper) -> Tensor:
        """Make step B; return d before the update."""
        with optim_wrapper.optim_context(self):
            source, target = self._scores(**batch)
            label = self.task.labels(batch['data_samples'][: len(source)])
            discrepancy = classifier_discrepancy(target).mean()
            loss = self.task.losses(self.student, source, label)['loss'] - self.discrepancy_weight * discrepancy
        _update(optim_wrapper, loss)
        return discrepancy.detach()

    def _generator_step(self, batch: dict, optim_wrapper: OptimWrapper) -> Tensor:
        """Make step C, once; return d before the update."""
        with optim_wrapper.optim_context(self):
            _, target = self._scores(**batch)
            discrepancy = classifier_discrepancy(target).mean()
            loss = self.discrepancy_weight * discrepancy
        _update(optim_wrapper, loss)
        return discrepancy.detach()

    def _scores(self, inputs: Tensor, data_samples: list, layout: DomainBatch) -> tuple[Tensor, Tensor]:
        """Pass once: both classifiers' scores of the source ``[B_s, 2, K]`` and of the target ``[B_t, 2, K]``."""
        self.domain_context.set(layout)
        return self.task.split(self.task.run(self.student, inputs), (layout.num_source, layout.num_target))


def _update(optim_wrapper: OptimWrapper, loss: Tensor) -> None:
    """Make one step of the optimizer by this loss alone; a parameter without gradient is left alone."""
    optim_wrapper.zero_grad(set_to_none=True)
    optim_wrapper.backward(loss)
    optim_wrapper.step()


@contextmanager
def _frozen(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Keep gradients from these parameters; what was frozen before stays so."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)


def _check_accumulation(optim_wrapper: OptimWrapper) -> None:
    if optim_wrapper.scale_loss(1.0) != 1.0:
        raise ValueError(
            'MCDUDA updates its parts in turn on one batch, but optim_wrapper accumulates gradients over several: set '
            'accumulative_counts=1.'
        )
