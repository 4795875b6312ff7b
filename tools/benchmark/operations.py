"""Operations of one training step of a segmentor, by module, against its bare floor.

    python tools/benchmark/operations.py configs/stct/stct_segformer_toy.py --size 96x96

A GPU that is faster than its host waits for launches, so the number of operations tells what a small step costs there.
Everything of a step is counted: preprocessing, forward and backward passes, the optimizer, the teacher's update, hooks.
The floor (floor.py) trains the same networks with no framework. Views of a tensor and empty memory are no operations.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from measuring import environment, table
from step import InterleavedLoop, interleaved
from stepping import add_arguments
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmuda import compat
from mmuda.registry import LOOPS, RUNNERS

compat.apply()

from mmuda.apis import ToolParser, at_least, load_config, run_tool

MEMORY = ('empty', 'detach', 'alias', 'lift_fresh', '_unsafe_view', 'set_', 'resize_')


class Operations(TorchDispatchMode):
    """Counts what torch dispatches while it is on, by the part of a model that asked for it."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()
        self.places = ['elsewhere: losses, optimizer, teacher update']

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if not (func.is_view or func.name().split('::')[1].startswith(MEMORY)):
            backward = torch._C._current_graph_task_id() != -1
            self.counts['backward pass' if backward else self.places[-1]] += 1
        return func(*args, **(kwargs or {}))

    @contextmanager
    def by_part(self, model: nn.Module, depth: int) -> Iterator[None]:
        """Operations within a part count for the first ``depth`` words of its name."""
        handles = []
        for name, module in model.named_modules():
            if name:
                place = '.'.join(name.split('.')[:depth])
                handles.append(module.register_forward_pre_hook(lambda *_, place=place: self.places.append(place)))
                handles.append(module.register_forward_hook(lambda *_: self._leave(), always_call=True))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _leave(self) -> None:
        self.places.pop()


@LOOPS.register_module()
class CountingLoop(InterleavedLoop):
    """Steps of which the last is counted, on either side."""

    def __init__(self, *args, depth: int, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.depth = depth
        self.counts: dict[str, Counter[str]] = {}

    def measure(self, name: str, step: Callable[[], None], last: bool) -> None:
        if not last:
            step()
            return
        operations = Operations()
        with operations.by_part(self._parts(name), self.depth), operations:
            step()
        self.counts[name] = operations.counts

    def _parts(self, name: str) -> nn.Module:
        """The networks of one side, by the names that they have in the model."""
        if name == 'mmuda':
            return self.runner.model
        floor = self.floors[name]
        nets = dict(student=floor.net, teacher=floor.teacher)
        return nn.ModuleDict({key: net for key, net in nets.items() if net is not None})


def rows(counts: dict[str, Counter[str]]) -> list[tuple]:
    """The parts, the largest first, and the sums with their ratio."""
    ours, floor = counts['mmuda'], counts['bare floor']
    parts = sorted({*ours, *floor}, key=lambda part: (-max(ours[part], floor[part]), part))
    total = ours.total(), floor.total()
    return [(part, ours[part], floor[part]) for part in parts] + [
        ('all', *total),
        ('ratio', f'{total[0] / total[1]:.3f}', ''),
    ]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('--depth', type=at_least(1), default=2, help="words of a part's name (default: 2)")
    add_arguments(parser)
    parser.set_defaults(iters=1, warmup=1, size='96x96', amp=False, stock=False)
    return parser.parse_args(argv)


def count(args: argparse.Namespace) -> dict[str, Counter[str]]:
    """Operations of a step of either side, by part."""
    cfg = load_config(args.config, args.cfg_options)
    with tempfile.TemporaryDirectory() as work_dir:
        cfg = interleaved(cfg, args, work_dir)
        cfg.train_cfg.update(type='CountingLoop', depth=args.depth)
        runner = RUNNERS.build(cfg)
        runner.train()
    return runner.train_loop.counts


def main() -> None:
    args = parse()
    counts = count(args)
    print(environment(config=args.config, size=args.size, batch=args.batch, seed=args.seed))
    print(table(('operations of', 'mmuda', 'bare floor'), rows(counts)))


if __name__ == '__main__':
    run_tool(main)
