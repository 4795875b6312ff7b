"""What the normalisations of two domains cost against batch norm: alone, and in a ResNet-18's training step.

    python tools/benchmark/norms.py
    python tools/benchmark/norms.py --iters 30 --threads 1 --norms TransNorm AutoDIAL
    python tools/benchmark/norms.py --amp --channels-last

Alone: forward and backward of one layer. Step: mmpretrain's ResNet-18 with a linear classifier, forward, backward and
SGD. All sides see the same tensors and take turns; only the ratio to batch norm in one run is a result.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from measuring import COLUMNS, add_options, environment, interleave, row, settle, sgd_steps, table
from torch import Tensor, nn

from mmuda import compat
from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import convert_norm
from mmuda.models.layers.convert import FAMILIES

compat.apply()

from mmpretrain.models.backbones import ResNet

from mmuda.apis import ToolParser, run_tool

SHAPES = ((32, 64, 56, 56), (64, 512, 7, 7))


def sides(make: Callable[[], nn.Module], batch: int, args: argparse.Namespace) -> dict[str, nn.Module]:
    """Build the same network with each norm, half of the batch source."""
    nets = {}
    for name in ('BN', *args.norms):
        torch.manual_seed(args.seed)
        net = convert_norm(make(), name).to(args.device)
        if args.channels_last:
            net.to(memory_format=torch.channels_last)
        bind_domain_context(net).set(DomainBatch(batch // 2, batch - batch // 2))
        nets[name] = net.train()
    return nets


def tensor(shape: Sequence[int], args: argparse.Namespace) -> Tensor:
    """Draw noise in the memory format and, for a layer alone, in the precision of the run."""
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    return torch.randn(shape, device=args.device).to(memory_format=layout)


def layer_steps(shape: Sequence[int], args: argparse.Namespace) -> dict[str, Callable]:
    """Return forward and backward of one layer."""
    dtype = torch.bfloat16 if args.amp else torch.float32
    x, grad = tensor(shape, args).to(dtype).requires_grad_(), tensor(shape, args).to(dtype)

    def trains(norm: nn.Module) -> Callable:
        return lambda: torch.autograd.grad(norm(x), (x, *norm.parameters()), grad)

    nets = sides(lambda: nn.BatchNorm2d(shape[1]), shape[0], args)
    return {name: trains(norm) for name, norm in nets.items()}


def network_steps(args: argparse.Namespace) -> dict[str, Callable]:
    """Return training steps of a ResNet-18 classifier."""
    x = tensor((args.batch, 3, args.size, args.size), args)
    labels = torch.randint(0, 10, (args.batch,), device=args.device)

    def make() -> nn.Module:
        return nn.Sequential(ResNet(18), Last(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))

    def trains(net: nn.Module) -> Callable:
        return sgd_steps(net, lambda: F.cross_entropy(net(x), labels), args)

    return {name: trains(net) for name, net in sides(make, args.batch, args).items()}


class Last(nn.Module):
    """The last of a backbone's outputs."""

    def forward(self, outputs: tuple[Tensor, ...]) -> Tensor:
        """Return the last map."""
        return outputs[-1]


def measure(args: argparse.Namespace) -> list[tuple]:
    """Measure the rows of the table."""
    cases = {f'layer {list(shape)}': layer_steps(shape, args) for shape in args.shapes}
    if args.batch:
        cases[f'ResNet-18 step, {args.batch} x {args.size}²'] = network_steps(args)
    rows = []
    for case, functions in cases.items():
        times = interleave(functions, args.iters, args.warmup)
        rows += [(case, *row(name, times[name], times['BN'])) for name in times]
    return rows


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    families = [name for name in FAMILIES if name != 'BN']
    parser.add_argument('--norms', nargs='+', choices=families, default=families, metavar='NAME', help=str(families))
    parser.add_argument('--batch', type=int, default=64, help='images of a ResNet-18 step; 0 leaves it out')
    parser.add_argument('--size', type=int, default=128, help='their height and width')
    parser.add_argument('--channels-last', action='store_true')
    parser.set_defaults(shapes=SHAPES)
    add_options(parser)
    return parser.parse_args(argv)


def main() -> None:
    args = parse()
    settings = settle(args)
    rows = measure(args)
    print(environment(**settings, memory='channels_last' if args.channels_last else 'contiguous'))
    print(table(('case', 'norm', *COLUMNS), rows))


if __name__ == '__main__':
    run_tool(main)
