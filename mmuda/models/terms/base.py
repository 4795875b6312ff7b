"""What every term is given, and what it gives back."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmuda.functional import is_share

from ..views import View
from .training_length import FollowsLength


class Term(FollowsLength, BaseModule):
    """One named summand of the loss: explicit views in, a dict of losses and log values out.

    A term owns its parameters inside the model, so that the optimizer, DDP and checkpoints see
    them, and never reads the domain context. The UDA model calls ``init_weights`` before the training, which follows
    ``init_cfg`` of the term and of the modules in it.

    Args:
        reads: Names of the views that ``forward`` is given, in this order.
        taps: Dotted names of the student's modules whose outputs the term wants, such as
            ``backbone.layer3``.
        loss_weight: What the term multiplies its loss with.
        init_cfg: The first weights of its parameters (None: those that its constructor drew).
    """

    def __init__(
        self,
        reads: tuple[str, ...],
        taps: tuple[str, ...] = (),
        loss_weight: float = 1.0,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if isinstance(taps, str):
            raise ValueError(f'{type(self).__name__} has taps={taps!r}: give a list of names, [{taps!r}].')
        if loss_weight < 0:
            raise ValueError(
                f'{type(self).__name__} has loss_weight={loss_weight}: a loss weight must not be negative.'
            )
        self.reads = tuple(reads)
        self.taps = tuple(taps)
        self.loss_weight = loss_weight

    def attach(self, student: nn.Module) -> None:
        """See the student when it is built and again when it is initialised, e.g. to keep a frozen copy."""

    def forward(self, *views: View, step: Tensor) -> dict[str, Tensor]:
        """Return losses and log values of one step.

        The key ``loss`` is added to the total as ``loss_<term>``, a part ``loss_<part>`` as ``loss_<term>_<part>``. Any
        other is only logged, as ``<term>.<key>`` (without the prefix where the term is named ``source`` or ``target``),
        and must not have ``loss`` in its name: mmengine adds up every key that does.
        """
        raise TypeError(f'{type(self).__name__} has no forward: a term returns a dict of losses.')


class AlignmentTerm(Term):
    """A term that compares ``source`` and ``target``: ``forward(source, target, step)``."""

    def __init__(self, taps: tuple[str, ...] = (), loss_weight: float = 1.0, init_cfg: dict | None = None) -> None:
        super().__init__(('source', 'target'), taps, loss_weight, init_cfg)


def check_ramp(owner: AlignmentTerm, **values: float) -> None:
    """Refuse a ramp that stays at 0 or runs backwards: its length, its steepness and its end are above 0.

    Raises:
        ValueError: Such a value, or a length that is neither steps nor a share.
    """
    wrong = ', '.join(f'{name}={value}' for name, value in values.items() if value <= 0)
    if wrong:
        raise ValueError(
            f'{type(owner).__name__} has {wrong}: give more than 0; ramp_steps is the number of steps, or the share of '
            'the training, after which the reversed gradient has nearly its full strength.'
        )
    for name in filter(lambda name: name.endswith('_steps'), values):
        is_share(values[name], f'{type(owner).__name__}.{name}')


def check_auxiliary(term: Term, weight: float, student: nn.Module) -> None:
    """Refuse a weight for an auxiliary head of a student that has not exactly one.

    Raises:
        ValueError: A negative weight, or none or several such heads.
    """
    if weight < 0:
        raise ValueError(
            f'{type(term).__name__} has auxiliary_loss_weight={weight}: a loss weight must not be negative.'
        )
    heads = getattr(student, 'auxiliary_head', None)
    count = len(heads) if isinstance(heads, nn.ModuleList) else int(heads is not None)
    if weight and count != 1:
        raise ValueError(
            f'{type(term).__name__} has auxiliary_loss_weight={weight}, and the student has {count} auxiliary heads: '
            'give it one auxiliary_head, or set auxiliary_loss_weight=0.'
        )
