"""Operations of one training step of a segmentor, by module, against its bare floor.

    python tools/benchmark/operations.py configs/stct/stct_segformer_toy.py --size 96x96

A GPU that is faster than its host waits for launches, so the number of operations tells what a small step costs there.
Everything of a step is counted: preprocessing, forward and backward passes, the optimizer, the teacher's update, hooks.
The floor (floor.py) trains the same networks with no framework, and with self-attention where the student's is hybrid.
What an operation is: counting.py.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence

from counting import Operations
from measuring import environment, table
from step import InterleavedLoop, interleaved
from stepping import add_arguments
from torch import nn

from mmuda import compat
from mmuda.registry import LOOPS, RUNNERS

compat.apply()

from mmuda.apis import ToolParser, at_least, load_config, run_tool


@LOOPS.register_module()
class CountingLoop(InterleavedLoop):
    """Steps of which the last is counted, on either side."""

    def __init__(self, *args, depth: int, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.depth = depth
        self.counts: dict[str, Counter[str]] = {}

    def measure(self, name: str, step: Callable[[], None], last: bool) -> None:
        """Make a step, and count the operations of the last one."""
        if not last:
            step()
            return
        operations = Operations()
        with operations.by_part(self._parts(name), self.depth), operations:
            step()
        self.counts[name] = operations.counts

    def _parts(self, name: str) -> nn.Module:
        """Return the networks of one side, by the names that they have in the model."""
        if name == 'mmuda':
            return self.runner.model
        floor = self.floors[name]
        nets = dict(student=floor.net, teacher=floor.teacher)
        return nn.ModuleDict({key: net for key, net in nets.items() if net is not None})


def rows(counts: dict[str, Counter[str]]) -> list[tuple]:
    """Return the parts, the largest first, and the sums with their ratio."""
    ours, floor = counts['mmuda'], counts['bare floor']
    parts = sorted({*ours, *floor}, key=lambda part: (-max(ours[part], floor[part]), part))
    total = ours.total(), floor.total()
    return [(part, ours[part], floor[part]) for part in parts] + [
        ('all', *total),
        ('ratio', f'{total[0] / total[1]:.3f}', ''),
    ]


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    parser.add_argument('--depth', type=at_least(1), default=2, help="words of a part's name (default: 2)")
    add_arguments(parser)
    parser.set_defaults(iters=1, warmup=1, size='96x96', amp=False, stock=False)
    return parser.parse_args(argv)


def count(args: argparse.Namespace) -> dict[str, Counter[str]]:
    """Count the operations of a step of either side, by part."""
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
