"""Which views a step needs, by which makers and in which passes: the same in each step, checked at the start."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from mmuda.domain import DOMAINS, DomainLayer, GroupDrawer

from ..labellers import Labeller
from ..layers import TwoDomainNorm
from ..terms import Term
from ..views import ViewMaker

PASSES = ('joint', 'separate')


@dataclass(frozen=True)
class StepPlan:
    """What of a step's views is made and passed.

    Args:
        origins: Each view, and that of the loader (``source`` or ``target``) whose rows and domain it has.
        makers: Names of the makers that run, in their order.
        labels: Whether the labeller runs.
        needed: Views of the loader that somebody reads.
        passes: Views of each pass, source-like first.
        due: Terms that are due behind each pass, the last of those passes that have terms in common.
    """

    origins: Mapping[str, str]
    makers: tuple[str, ...]
    labels: bool
    needed: frozenset[str]
    passes: tuple[tuple[str, ...], ...]
    due: tuple[tuple[str, ...], ...]

    @property
    def passed(self) -> tuple[str, ...]:
        """All views that the student sees."""
        return tuple(name for group in self.passes for name in group)


def plan_step(
    terms: Mapping[str, Term],
    makers: Mapping[str, ViewMaker],
    labeller: Labeller | None,
    passes: str | Sequence[Sequence[str]],
    student: nn.Module,
    also: Sequence[str] = (),
) -> StepPlan:
    """Plan the step of a model.

    Args:
        terms: The model's terms.
        makers: Its makers.
        labeller: Its labeller.
        passes: ``'joint'``, ``'separate'`` or the views of each pass.
        student: Its student.
        also: Views that are passed though no term reads them.

    Raises:
        ValueError: A part reads a view that nobody makes, or labels that nobody gives; passes that do not fit the views
            or the student.
    """
    origins = _origins(makers, labeller)
    read = {name: f'terms[{term!r}]' for term, part in terms.items() for name in part.reads}
    read |= {name: type(student).__name__ for name in (*also, *_passed_by_layers(student))}
    _check_reads(read, origins)
    used, needed = _walk_back(makers, set(read))
    for name in makers.keys() - set(used):
        warnings.warn(f'views[{name!r}] is made for nobody: no term reads it, so it is left out.', stacklevel=4)
    makes = set(labeller.makes) if labeller else set()
    labels = bool(makes & needed)
    if labeller and not labels:
        warnings.warn(
            f'{type(labeller).__name__} labels for nobody, as no term reads {" or ".join(sorted(makes))}. For the '
            "usual loss of the target: terms=dict(target=dict(type='PseudoLabelLoss')).",
            stacklevel=4,
        )
    if labels:
        needed = (needed - (makes - set(DOMAINS))) | set(labeller.reads)
    labelled = makes if labels else set()
    for name in used:
        _check_maker(name, makers[name], labelled)
    order = sorted(read, key=lambda name: (origins[name] != 'source', [*origins].index(name)))
    groups = _groups(passes, order, origins)
    _check_groups(groups, origins, student)
    due = _due({name: term.reads for name, term in terms.items()}, groups)
    return StepPlan(origins, tuple(used), labels, frozenset(needed), groups, due)


def _origins(makers: Mapping[str, ViewMaker], labeller: Labeller | None) -> dict[str, str]:
    """Return each view and the loader's view whose rows it has; a reader of a view that is not made yet is refused."""
    origins = {name: name for name in DOMAINS}
    for name in labeller.makes if labeller else ():
        origins.setdefault(name, 'source')  # a view beside the target is one of the source
    for name, maker in makers.items():
        for read in maker.reads:
            if read not in origins:
                raise ValueError(
                    f'views[{name!r}] is made of {read!r}, which nobody makes before it; there are '
                    f'{", ".join(origins)}: mend its options, or the order of views.'
                )
        origins |= {made: origins[of] for made, of in maker.makes(name).items()}
    return origins


def _passed_by_layers(student: nn.Module) -> tuple[str, ...]:
    """Name the domains that layers need: norms of two domains and hybrid attention need both, whoever reads them."""
    return DOMAINS if any(isinstance(module, (TwoDomainNorm, GroupDrawer)) for module in student.modules()) else ()


def _check_reads(read: Mapping[str, str], origins: Mapping[str, str]) -> None:
    for name, reader in read.items():
        if name not in origins:
            raise ValueError(
                f'{reader} reads the view {name!r}, which nobody makes; there are {", ".join(origins)}: add '
                f'views=dict({name}=dict(type=...)), or name another.'
            )


def _walk_back(makers: Mapping[str, ViewMaker], needed: set[str]) -> tuple[list[str], set[str]]:
    """Return names of the makers that somebody needs, in their order, and the views that these start from."""
    used = []
    for name, maker in reversed(makers.items()):
        made = set(maker.makes(name))
        if made & needed:
            used.insert(0, name)
            needed = (needed - made) | set(maker.reads)
    return used, needed


def _check_maker(name: str, maker: ViewMaker, labelled: set[str]) -> None:
    unlabelled = [view for view in maker.needs_labels if view == 'target' and view not in labelled]
    if unlabelled:
        raise ValueError(
            f'views[{name!r}] is a {type(maker).__name__}, which needs labels of the target: give the model a '
            "labeller, such as dict(type='TeacherLabels') of SelfTrainingUDA."
        )


def _groups(
    passes: str | Sequence[Sequence[str]], names: Sequence[str], origins: Mapping[str, str]
) -> tuple[tuple[str, ...], ...]:
    if passes == 'joint':
        return (tuple(names),)
    if passes == 'separate':
        return tuple((name,) for name in names)
    if isinstance(passes, str):
        raise ValueError(f'passes={passes!r} is unknown: use one of {", ".join(PASSES)}, or list the views of each.')
    listed = [name for group in passes for name in group]
    if sorted(listed) != sorted(names):
        raise ValueError(
            f'passes={[list(group) for group in passes]} lists other views than those that are read '
            f'({", ".join(names)}): list each of these once.'
        )
    return tuple(tuple(sorted(group, key=lambda name: origins[name] != 'source')) for group in passes)


def _check_groups(groups: Sequence[Sequence[str]], origins: Mapping[str, str], student: nn.Module) -> None:
    """Refuse a layer that needs both domains at once, or sees the last on recomputing: two passes, two layouts."""
    modules = list(student.modules())
    paired = [module for module in modules if isinstance(module, (TwoDomainNorm, GroupDrawer))]
    if paired and any({origins[name] for name in group} != set(DOMAINS) for group in groups):
        raise ValueError(
            f'{type(paired[0]).__name__} needs both domains in one pass, but a pass has '
            f'{" and ".join(min(groups, key=lambda group: len({origins[name] for name in group})))} alone: set '
            "passes='joint', with a term that reads each domain."
        )
    recomputed = any(getattr(module, 'with_cp', False) for module in modules)
    layers = [module for module in modules if isinstance(module, DomainLayer)]
    if len(groups) > 1 and recomputed and layers:
        raise ValueError(
            f'{len(groups)} passes have as many layouts, and activation checkpointing would show '
            f"{type(layers[0]).__name__} the last of them when it recomputes: set passes='joint', or with_cp=False."
        )


def _due(reads: Mapping[str, Sequence[str]], groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the terms to compute behind each pass: when all passes that share terms with each other are there."""
    last = list(range(len(groups)))  # of each pass, the last one that it shares terms with
    place = {name: number for number, group in enumerate(groups) for name in group}
    for _ in groups:  # what is shared spreads from term to term
        for names in filter(None, reads.values()):
            latest = max(last[place[name]] for name in names)
            for name in names:
                last[place[name]] = latest
    behind = {term: last[place[names[0]]] if names else len(groups) - 1 for term, names in reads.items()}
    return tuple(tuple(term for term in reads if behind[term] == number) for number in range(len(groups)))
