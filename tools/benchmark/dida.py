"""What a DIDA module, a branch of them and a DIDA-Net cost: two shared filters against kernels made for each instance.

    python tools/benchmark/dida.py
    python tools/benchmark/dida.py --iters 40 --threads 1 --batch 32 --size 224
    python tools/benchmark/dida.py --amp

Module and branch: forward and backward; the ratio is to the loop over instances, which is how the released module runs.
Step: mmpretrain's ResNet-18 with a linear classifier, forward, backward and SGD; the ratio is to the network without a
branch. All sides have the same weights, see the same tensors and take turns; only the ratios of one run are a result.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from counting import count_operations
from measuring import COLUMNS, add_options, environment, gradients, interleave, row, settle, sgd_steps, table
from torch import Tensor, nn

from mmuda import compat
from mmuda.models.layers import DIDABranch, DIDAModule, dida
from mmuda.models.necks import DIDANeck

compat.apply()

from mmpretrain.models.backbones import ResNet
from mmpretrain.models.necks import GlobalAveragePooling

from mmuda.apis import ToolParser, run_tool

FORMS = ['loop', *(form for form in dida.FORMS if form not in ('auto', 'loop'))]
LAYERS = {  # shape of an instance, and what is made for it
    'module [512, 7, 7]': ((512, 7, 7), lambda form: DIDAModule(512, 512, form=form)),
    'module [256, 14, 14], stride 2': ((256, 14, 14), lambda form: DIDAModule(256, 512, stride=2, form=form)),
    'branch at 112²': ((256, 7, 7), lambda form: DIDABranch(256, 512, 2, 2, module=dict(form=form))),
}


class Network(nn.Module):
    """ResNet-18 with a linear classifier, and a branch beside the last stage unless `form` is None."""

    def __init__(self, form: str | None) -> None:
        super().__init__()
        self.backbone = ResNet(18, out_indices=(2, 3) if form else (3,))
        self.neck = DIDANeck(module=dict(form=form)) if form else GlobalAveragePooling()
        self.fc = nn.Linear(512, 7)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch."""
        return self.fc(self.neck(self.backbone(x))[-1])


def build(make: Callable[..., nn.Module], argument: str | None, args: argparse.Namespace) -> nn.Module:
    """Build each form with the same first weights."""
    torch.manual_seed(args.seed)
    return make(argument).to(args.device).train()


def layer_steps(shape: Sequence[int], make: Callable[..., nn.Module], args: argparse.Namespace) -> dict[str, Callable]:
    """Return forward and backward of one layer in each form."""
    x = torch.randn(args.rows, *shape, device=args.device, requires_grad=True)

    def trains(layer: nn.Module) -> Callable:
        return gradients(lambda: layer(x), (x, *layer.parameters()), args)

    return {form: trains(build(make, form, args)) for form in args.forms}


def network_steps(args: argparse.Namespace) -> dict[str, Callable]:
    """Return training steps of the plain network and of DIDA-Net in each form."""
    x = torch.randn(args.batch, 3, args.size, args.size, device=args.device)
    labels = torch.randint(0, 7, (args.batch,), device=args.device)

    def trains(net: nn.Module) -> Callable:
        return sgd_steps(net, lambda: F.cross_entropy(net(x), labels), args)

    forms = {'ResNet-18': None, **{f'DIDA-Net, {form}': form for form in args.forms}}
    return {name: trains(build(Network, form, args)) for name, form in forms.items()}


def measure(args: argparse.Namespace) -> list[tuple]:
    """Measure the rows of the table; the first side of each case is what the others are compared with."""
    cases = {}
    if args.rows:
        cases = {f'{args.rows} x {name}': layer_steps(*case, args) for name, case in LAYERS.items()}
    if args.batch:
        cases[f'step, {args.batch} x {args.size}²'] = network_steps(args)
    rows = []
    for case, functions in cases.items():
        times = interleave(functions, args.iters, args.warmup)
        reference = times[next(iter(times))]
        for name, function in functions.items():
            rows.append((case, *row(name, times[name], reference), str(count_operations(function))))
    return rows


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--forms', nargs='+', choices=FORMS, default=FORMS, help='the first one is what layers are compared with'
    )
    parser.add_argument('--rows', type=int, default=64, help='instances of a module or branch; 0 leaves them out')
    parser.add_argument('--batch', type=int, default=32, help='images of a step; 0 leaves it out')
    parser.add_argument('--size', type=int, default=112, help='their height and width')
    add_options(parser)
    return parser.parse_args(argv)


def main() -> None:
    args = parse()
    settings = settle(args)
    rows = measure(args)
    print(environment(**settings))
    print(table(('case', 'form', *COLUMNS, 'operations'), rows))


if __name__ == '__main__':
    run_tool(main)
