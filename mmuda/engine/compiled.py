"""Encoders that `torch.compile` has compiled, in training steps alone.

All other passes, those of an evaluation above all, run the network as it is: a score does not depend on a compiler.
Weights keep their names, so that checkpoints fit both kinds of run. Heads, terms and what a step draws on the host are
left as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from mmengine.runner import Runner
from torch import nn

from mmuda.domain import DomainLayer


class CompiledEncoders:
    """The encoders of a model, compiled: student's, teacher's, a frozen reference's, or a stock network's own.

    A graph has no place for a hook that comes and goes: of an encoder inside which a term taps modules, the largest
    modules without a tap inside are compiled instead.

    Args:
        model: A UDA model, or any network with a ``backbone``.
        options: Of ``torch.compile``. What is compiled is one graph, or an error, unless they say ``fullgraph=False``.

    Raises:
        TypeError: A model without an encoder.
        ValueError: Taps everywhere, hybrid attention of changing shapes, activation checkpointing of layers of two
            domains, or options that ``torch.compile`` refuses.
    """

    def __init__(self, model: nn.Module, options: Mapping[str, Any]) -> None:
        self.options = dict(fullgraph=True) | dict(options)
        self.parts = parts_of(model)
        _check_layers(model)
        self._own = {name: vars(part).get('forward') for name, part in self.parts.items()}
        self._forwards = {name: self._compiled(part.forward) for name, part in self.parts.items()}
        self._graphs, _ = _counted()

    def __str__(self) -> str:
        """Return one sentence for the log."""
        *names, last = self.parts
        names = f'{", ".join(names)} and {last}' if names else last
        backend = self.options.get('backend', 'inductor')
        return (
            f'Training steps run {names} compiled (torch.compile, backend {backend!r}), the first steps take longer; '
            'heads, terms and evaluations are not compiled.'
        )

    def _compiled(self, forward: Callable) -> Callable:
        try:
            return torch.compile(forward, **self.options)
        except Exception as error:  # options have as many kinds of error as backends
            raise ValueError(
                f'compile={self.options} is refused by torch.compile ({_first_line(error)}): mend it, or leave it out.'
            ) from error

    def stepping(self, train_step: Callable, runner: Runner) -> Callable:
        """Return the training step of ``runner`` with the compiled encoders; each step that compiles says so.

        Args:
            train_step: What makes a step with the encoders as they are.
            runner: It counts the steps and has the log.
        """

        @wraps(train_step)
        def step(*args: Any, **kwargs: Any) -> Any:
            with self.in_use(), _explained(runner.iter + 1):
                returned = train_step(*args, **kwargs)
            self._report(runner)
            return returned

        return step

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Compile each pass through the encoders in this block."""
        for name, part in self.parts.items():
            part.forward = self._forwards[name]
        try:
            yield
        finally:
            for name, part in self.parts.items():
                del part.forward
                if self._own[name] is not None:
                    part.forward = self._own[name]

    def _report(self, runner: Runner) -> None:
        """Say what the step has compiled, if anything: behind the first two or three steps, it should be nothing."""
        graphs, breaks = _counted()
        if graphs > self._graphs:
            where = f', with breaks, the first of them: {_first_line(breaks[0])}' if breaks else ''
            runner.logger.info(f'Step {runner.iter + 1} compiled: {graphs - self._graphs} graphs{where}.')
            self._graphs = graphs


def parts_of(model: nn.Module) -> dict[str, nn.Module]:
    """Return what of a model is compiled, by its names.

    Raises:
        TypeError: A model without an encoder.
        ValueError: An encoder of which taps leave nothing.

    Example:
        >>> class Segmentor(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.backbone, self.head = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)
        >>> list(parts_of(Segmentor()))
        ['backbone']
    """
    owner = getattr(model, 'student', model)
    encoder = getattr(owner, 'backbone', None)
    if encoder is None:
        raise TypeError(f'{type(owner).__name__} has no backbone to compile: leave out --compile (compile=None).')
    encoders = {name: part for name, part in model.named_modules() if type(part) is type(encoder)}
    taps = {f'student.{tap}' for term in getattr(model, 'terms', {}).values() for tap in term.taps}
    tapped = taps & dict(model.named_modules()).keys()
    parts = {name: list(_without_taps_inside(name, encoder, tapped)) for name, encoder in encoders.items()}
    bare = [name for name, found in parts.items() if not found]
    if bare:
        raise ValueError(
            f'The terms tap {", ".join(sorted(tapped))}, which leaves nothing of {bare[0]} to compile: leave out '
            '--compile (compile=None).'
        )
    return dict(pair for found in parts.values() for pair in found)


def _without_taps_inside(name: str, module: nn.Module, tapped: Collection[str]) -> Iterator[tuple[str, nn.Module]]:
    """Yield the module or, where one inside it is tapped, the largest below it; a lone layer is not worth a graph."""
    lists = isinstance(module, (nn.ModuleList, nn.ModuleDict))  # nobody calls one
    if not lists and not any(tap.startswith(f'{name}.') for tap in tapped):
        yield name, module
        return
    for key, child in module.named_children():
        if any(True for _ in child.children()):
            yield from _without_taps_inside(f'{name}.{key}', child, tapped)


def _counted() -> tuple[int, list[str]]:
    """Return the graphs that this process has compiled, and why some are only a piece of what was to be one."""
    from torch._dynamo.utils import counters  # with the compiler, which takes a second

    return counters['stats']['unique_graphs'], list(counters['graph_break'])


def _check_layers(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if getattr(module, 'implementation', None) == 'gathered':
            raise ValueError(
                f"{name} has implementation='gathered', whose shapes change from step to step, and a compiled graph "
                "keeps them: set model.student.backbone.implementation='masked', or leave out --compile."
            )
        layers = [part for part in module.modules() if isinstance(part, DomainLayer)]
        if layers and getattr(module, 'with_cp', False):
            raise ValueError(
                f'{name} has with_cp=True around a {type(layers[0]).__name__}, and what recomputes layers of two '
                'domains has no place in a compiled graph: set with_cp=False, or leave out --compile (compile=None).'
            )


@contextmanager
def _explained(step: int) -> Iterator[None]:
    """Turn a compiler's complaint within the block into one sentence."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(('torch._dynamo', 'torch._inductor')):
            raise
        reason, remedy = _first_line(error), 'compile.fullgraph=False to compile what lies between such places'
        if 'Limit' in type(error).__name__:
            reason, remedy = 'step after step has compiled graphs for new shapes', 'compile.dynamic=True'
        raise RuntimeError(
            f'The encoders cannot be compiled in step {step} ({reason}): set {remedy}, or leave out --compile '
            '(compile=None).'
        ) from error


def _first_line(error: object) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
