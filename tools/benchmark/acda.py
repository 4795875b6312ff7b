"""What ACDA's term costs: one Gram matrix and inner products of means against loops over pairs of layers.

    python tools/benchmark/acda.py
    python tools/benchmark/acda.py --iters 30 --threads 1 --batch 32 --size 224
    python tools/benchmark/acda.py --amp --cases step

Three cases, forward and backward, with m = 3 layers of a ResNet-50 and as many source as target images:

* `loss`: Eqs. 3 to 7 from maps that are projected already; the ratio is to the naive form: for each pair of layers
  both matrices of Eq. 4, and MMD with a tensor of n × n × d differences;
* `term`: the same with the projections of Eq. 2, which both sides share;
* `step`: forward, backward and SGD of a ResNet-50 with bottleneck and classifier; the ratio of `term alone` to it is
  the share that the term adds, the row with both is the whole.

Both sides compute the same numbers from the same weights and tensors, and take turns; only the ratios of one run are a
result.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from counting import count_operations
from measuring import (
    COLUMNS,
    add_options,
    environment,
    gradients,
    interleave,
    peak_memory,
    row,
    settle,
    sgd_steps,
    table,
)
from torch import Tensor, nn

from mmuda import compat
from mmuda.functional import widened
from mmuda.models.terms import ACDA
from mmuda.models.views import View

compat.apply()

from mmpretrain.models.backbones import ResNet

from mmuda.apis import ToolParser, run_tool

Maps = tuple[Sequence[Tensor], Sequence[Tensor]]
TAPS = ('layer2', 'layer3', 'layer4')
CHANNELS = (512, 1024, 2048)
SHAPE = dict(channels=32, size=7)


class Naive(ACDA):
    """The term, pair by pair."""

    def _maps(self, source: View, target: View) -> Maps:
        source_maps = self._project(source, self.source_projections)
        target_maps = self._project(target, self.target_projections)
        return [widened(x) for x in target_maps], [widened(x) for x in source_maps]

    def _weights(self, maps: Maps) -> Tensor:
        with torch.autocast(maps[0][0].device.type, enabled=False):
            return naive_weights(*maps)

    def _distances(self, source: View, target: View, maps: Maps, labels: None) -> tuple[Tensor, Tensor]:
        target_maps, source_maps = maps
        with torch.autocast(source.inputs.device.type, enabled=False):
            distances = torch.stack([torch.stack([naive_mmd(s, t) for s in source_maps]) for t in target_maps])
            same = naive_mmd(source.features['neck'], target.features['neck'])
        return distances, same


class Projected(ACDA):
    """The term on maps that have the common shape already."""

    def _project(self, view: View, projections: nn.ModuleList) -> list[Tensor]:
        return [view.features[tap] for tap in TAPS]


class NaiveProjected(Projected, Naive):
    """Likewise, pair by pair."""


def naive_mmd(source: Tensor, target: Tensor) -> Tensor:
    """Compute Eq. 3 with all differences in one tensor ``[n, n, d]``, as in released codes."""
    joint = torch.cat((source, target)).flatten(1)
    distances = (joint[:, None] - joint[None]).square().sum(2)
    count, n = len(source), len(joint)
    bandwidth = distances.detach().sum() / (n * n - n)
    kernel = sum(torch.exp(-distances / (bandwidth * 2.0**u)) for u in range(-2, 3)) / 5
    return kernel[:count, :count].mean() + kernel[count:, count:].mean() - 2 * kernel[:count, count:].mean()


@torch.no_grad()
def naive_weights(target_maps: Sequence[Tensor], source_maps: Sequence[Tensor]) -> Tensor:
    """Compute Eq. 4 with both matrices of each pair of layers, over samples of equal index, as in the released code."""
    spatial, channel = (torch.empty(len(target_maps), len(source_maps)).to(target_maps[0]) for _ in range(2))
    for i, target in enumerate(target_maps):
        for j, source in enumerate(source_maps):
            a, b = target.flatten(2), source.flatten(2)  # [B, c, p]
            spatial[i, j] = (a @ b.mT).mean()
            channel[i, j] = (a.mT @ b).mean()
    return (spatial.softmax(1) + channel.softmax(1)) / 2


class Network(nn.Module):
    """ResNet-50 with a bottleneck of 256 channels and a classifier; gives what ACDA taps."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = ResNet(50, out_indices=(1, 2, 3))
        self.neck = nn.Linear(2048, 256)
        self.fc = nn.Linear(256, 31)

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the features and the logits of a batch."""
        maps = self.backbone(x)
        features = dict(zip(TAPS, maps), neck=self.neck(maps[-1].mean((2, 3))).relu())
        return features, self.fc(features['neck'])


def build(kind: type[ACDA], args: argparse.Namespace, in_channels: Sequence[int] = CHANNELS) -> ACDA:
    """Build each kind with the same first weights."""
    torch.manual_seed(args.seed)
    return kind(TAPS, in_channels, pairwise=True, **SHAPE).to(args.device).train()


def views(features: dict[str, Tensor], logits: Tensor) -> tuple[View, View]:
    """Return the first half as source, the second as target."""
    halves = zip(*(x.chunk(2) for x in features.values()))
    return tuple(View(y, dict(zip(features, half)), y) for half, y in zip(halves, logits.chunk(2)))


def term_steps(kinds: dict[str, type[ACDA]], shapes: Sequence[Sequence[int]], args: argparse.Namespace) -> dict:
    """Return forward and backward of each kind from maps of ``shapes``."""
    rows = 2 * args.batch
    maps = [torch.randn(rows, *shape, device=args.device).relu().requires_grad_() for shape in shapes]
    neck = torch.randn(rows, 256, device=args.device, requires_grad=True)
    source, target = views(dict(zip(TAPS, maps), neck=neck), torch.zeros(rows, 31, device=args.device))
    step = torch.zeros((), dtype=torch.long, device=args.device)

    def trains(kind: type[ACDA]) -> Callable:
        term = build(kind, args, [shape[0] for shape in shapes])
        parameters = () if issubclass(kind, Projected) else term.parameters()
        return gradients(lambda: term(source, target, step)['loss'], (*maps, neck, *parameters), args)

    return {name: trains(kind) for name, kind in kinds.items()}


def network_steps(args: argparse.Namespace) -> dict[str, Callable]:
    """Return steps of the network, of the network with the term, and the term alone."""
    x = torch.randn(2 * args.batch, 3, args.size, args.size, device=args.device)
    label = torch.randint(0, 31, (args.batch,), device=args.device)
    step = torch.zeros((), dtype=torch.long, device=args.device)

    def trains(with_term: bool) -> Callable:
        torch.manual_seed(args.seed)
        net = Network().to(args.device).train()
        net.term = build(ACDA, args) if with_term else None

        def loss() -> Tensor:
            features, logits = net(x)
            value = F.cross_entropy(logits[: args.batch], label)
            return value + net.term(*views(features, logits), step)['loss'] if with_term else value

        return sgd_steps(net, loss, args)

    alone = term_steps({'term alone': ACDA}, map_shapes(args.size), args)
    return {'ResNet-50': trains(False), **alone, 'ResNet-50 with ACDA': trains(True)}


def map_shapes(size: int) -> list[tuple[int, int, int]]:
    """Return the shapes of the three stages, for images of ``size`` × ``size`` pixels: 512 × 28², … at 224."""
    return [(channels, size // stride, size // stride) for channels, stride in zip(CHANNELS, (8, 16, 32))]


def measure(args: argparse.Namespace) -> list[tuple]:
    """Measure the rows of the table; the first side of each case is what the others are compared with."""
    common = [(SHAPE['channels'], SHAPE['size'], SHAPE['size'])] * len(TAPS)
    cases = {
        'loss': lambda: term_steps({'pair by pair': NaiveProjected, 'mmuda': Projected}, common, args),
        'term': lambda: term_steps({'pair by pair': Naive, 'mmuda': ACDA}, map_shapes(args.size), args),
        'step': lambda: network_steps(args),
    }
    rows = []
    for case in args.cases:
        functions = cases[case]()
        times = interleave(functions, args.iters, args.warmup)
        reference = next(iter(times))
        for name, function in functions.items():
            memory, operations = f'{peak_memory(function):.0f}', str(count_operations(function))
            rows.append((case, *row(name, times[name], times[reference]), memory, operations))
            print(*rows[-1], sep='  ', file=sys.stderr, flush=True)  # a long run shows how far it is
    return rows


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    cases = ('loss', 'term', 'step')
    parser.add_argument('--cases', nargs='+', choices=cases, default=cases)
    parser.add_argument('--batch', type=int, default=32, help='images of either domain')
    parser.add_argument('--size', type=int, default=224, help='their height and width')
    add_options(parser)
    return parser.parse_args(argv)


def main() -> None:
    args = parse()
    settings = settle(args)
    rows = measure(args)
    print(environment(**settings, batch=f'{args.batch}+{args.batch}', size=args.size))
    print(table(('case', 'side', *COLUMNS, 'peak MiB', 'operations'), rows))


if __name__ == '__main__':
    run_tool(main)
