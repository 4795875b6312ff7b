"""Parameters and multiply-adds of networks, beside those that papers print.

    python tools/analysis_tools/get_flops.py
    python tools/analysis_tools/get_flops.py configs/dann/dann_lenet_mnist2usps.py --shape 28 28
    python tools/analysis_tools/get_flops.py configs/_base_/models/segformer_mit-b0.py --shape 512 512

Without configs: the networks of DIDA-Net's Tables IX and XII, and the module of its footnote 3. Of a UDA model it is
the student, in evaluation, for one image. Counted is what runs: convolutions, products of matrices and norms, a
multiply-add as one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from mmengine.analysis import FlopAnalyzer
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from torch import nn

from mmuda import compat
from mmuda.apis import ToolParser, UserError, at_least, load_config, run_tool
from mmuda.models.layers import DIDAModule, StaticModule
from mmuda.registry import MODELS

MODELS_FOLDER = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'models'
PAPER = {  # DIDA-Net, Tables IX and XII: parameters, multiply-adds at 224 x 224
    'resnet18': ('11.00M (without classifier)', '1.82G'),
    'dida_resnet18': ('11.22M', '1.82G'),
}
FOOTNOTE = {'DIDA module': '~24.6K', 'static module': '~24.9K'}  # 512 channels, m = 16
HEADER = ('network', 'input', 'parameters', 'paper', 'MACs', 'paper')


def complexity(net: nn.Module, shape: tuple[int, int, int]) -> tuple[int, int]:
    """Count parameters, and multiply-adds of one image of `shape`.

    Raises:
        UserError: The network has fused attention, which is not counted.
    """
    net.eval()
    analyzer = FlopAnalyzer(net, (torch.randn(1, *shape),))
    analyzer.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    with torch.no_grad():
        macs = int(analyzer.total())
    uncounted = [name for name in analyzer.unsupported_ops() if 'attention' in name]
    if uncounted:
        raise UserError(
            f'{type(net).__name__} runs {uncounted[0]}, whose multiply-adds are not counted: give a network that '
            'computes its attention by products of matrices'
        )
    return sum(parameter.numel() for parameter in net.parameters()), macs


def network_of(cfg: Config) -> nn.Module:
    """Return the student of a config, or its plain network."""
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        model = MODELS.build(cfg.model)
    return getattr(model, 'student', model)


def input_shape(net: nn.Module, size: list[int] | None) -> tuple[int, int, int]:
    """Return the shape of one image: what is asked for, what the backbone says that it takes, or 3 x 224 x 224."""
    backbone = getattr(net, 'backbone', net)
    side = getattr(backbone, 'size', 224)
    return (getattr(backbone, 'in_channels', 3), *(size or (side, side)))


def table_of_the_paper() -> list[tuple[str, ...]]:
    """Return the rows for footnote 3."""
    modules = zip(FOOTNOTE, (DIDAModule(512, 512, rescale=False), StaticModule(512, 512, bias=False)))
    return [row(name, module, (512, 7, 7), (FOOTNOTE[name], '')) for name, module in modules]


def row(name: str, net: nn.Module, shape: tuple[int, int, int], paper: tuple[str, str] = ('', '')) -> tuple[str, ...]:
    """Return a line of the table."""
    parameters, macs = complexity(net, shape)
    return (name, 'x'.join(map(str, shape)), scaled(parameters), paper[0], scaled(macs), paper[1])


def scaled(count: int) -> str:
    """Round to four digits and a unit."""
    for unit, size in (('G', 1e9), ('M', 1e6), ('K', 1e3)):
        if count >= size:
            return f'{count / size:.4g}{unit}'
    return str(count)


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Align plain columns."""
    widths = [max(len(line[i]) for line in rows) for i in range(len(rows[0]))]
    return '\n'.join('  '.join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in rows)


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='*', help="configs of models or of runs (default: DIDA-Net's tables)")
    parser.add_argument('--shape', type=at_least(1), nargs=2, metavar=('H', 'W'), help='of an image (default: 224 224)')
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    compat.apply()
    MMLogger.get_current_instance().setLevel('WARNING')
    paths = args.configs or [MODELS_FOLDER / f'{name}.py' for name in PAPER]
    rows = [HEADER]
    for path, cfg in [(path, load_config(path, args.cfg_options)) for path in paths]:
        net = network_of(cfg)
        shape = input_shape(net, args.shape)
        known = PAPER.get(Path(path).stem, ('', '')) if shape[1:] == (224, 224) and not args.cfg_options else ('', '')
        rows.append(row(Path(path).stem, net, shape, known))
    if not args.configs:
        rows += table_of_the_paper()
    print(aligned(rows))


if __name__ == '__main__':
    run_tool(main)
