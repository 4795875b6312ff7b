"""What hybrid attention costs: a full training step with it against the same step with self-attention.

    python tools/benchmark/hybrid_attention.py                    # STCT on MiT-B0, made-up labels
    python tools/benchmark/hybrid_attention.py configs/stct/gta2cs.py --size 512x512 --amp \\
        --labels data/gta/labels_trainid
    python tools/benchmark/hybrid_attention.py --layers --size 512x512

Every side is the config's own training step (see step.py): runner, model, hooks, teacher, student
view, alignment terms; only the backbone's attention differs. All sides see the same batches, draw the
same random numbers and take turns. The second table says what the gathered implementation should
cost: the labels decide how many tokens a group has, so give real ones (`--labels`) for a figure that counts.

`--layers` times the attention alone, forward and backward, once for each stage's shape.
"""

from __future__ import annotations

import argparse
import copy
import inspect
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import attention_cost
import torch
import torch.nn.functional as F
from attention_cost import Share, Stage
from measuring import COLUMNS, Elapsed, environment, interleave, peak_memory, row, table
from mmengine.config import Config
from mmengine.registry import DefaultScope
from stepping import add_arguments, height_width, num_steps, plain_network, prepare, source_target
from torch import Tensor, nn

from mmuda import compat
from mmuda.domain import DomainBatch
from mmuda.functional import hybrid_attention, plan_attention
from mmuda.models.backbones import MHAMixVisionTransformer
from mmuda.registry import LOOPS, MODELS, RUNNERS

compat.apply()

from synthetic import NoiseScenes, label_files

from mmuda.apis import ToolParser, UserError, load_config, run_tool

CONFIG = Path(__file__).parents[2] / 'configs' / 'stct' / 'stct_segformer_mit-b0_gta2cs.py'
SELF, WHOLE, GATHERED, MASKED = 'MSA', 'MHA, no groups', 'MHA, gathered', 'MHA, masked'
SIDES = (SELF, WHOLE, GATHERED, MASKED)


@LOOPS.register_module()
class SteppedLoop(LOOPS.get('ResumableTrainLoop')):
    """The training loop of the config; `run` only prepares it, the steps are asked for from outside."""

    def run(self) -> nn.Module:
        """Call what comes before the first step."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        return self.runner.model

    def step(self, batch: dict) -> None:
        """Make one training step on a batch."""
        self.runner.model.train()
        self.run_iter(batch)


class Bench:
    """The same training with each attention.

    Args:
        cfg: A config whose network has a MiT.
        args: The command line.
        work_dir: Where the runners put their logs.
    """

    def __init__(self, cfg: Config, args: argparse.Namespace, work_dir: str) -> None:
        self.args = args
        self.loops: dict[str, SteppedLoop] = {}
        for name in SIDES:
            runner = RUNNERS.build(side(cfg, name, args, work_dir))
            runner.train()
            self.loops[name] = runner.train_loop
        weights = self.loops[SELF].runner.model.state_dict()
        for loop in self.loops.values():
            loop.runner.model.load_state_dict(weights)
        iterator = self.loops[SELF].dataloader_iterator
        self.batches = [next(iterator) for _ in range(num_steps(args)['max_iters'])]
        self.layouts: list[DomainBatch] = []
        self.times: dict[str, list[Elapsed]] = {}
        self.memory: dict[str, float] = {}

    def run(self) -> None:
        """Take turns; a last step looks at memory."""
        steps = {name: lambda loop=loop: self.step(loop) for name, loop in self.loops.items()}
        self.times = interleave(steps, self.args.iters, self.args.warmup)
        self.memory = {name: peak_memory(step) for name, step in steps.items()}

    def step(self, loop: SteppedLoop) -> None:
        """Make the next step of a side; the groups it drew are kept."""
        loop.step(self.batches[loop.iter])
        if loop is self.loops[GATHERED]:
            self.layouts.append(replace(loop.runner.model.domain_context.batch, plans=None))

    @property
    def network(self) -> nn.Module:
        """The student with gathered hybrid attention."""
        return self.loops[GATHERED].runner.model.student

    def shares(self) -> Iterator[tuple[Stage, Share]]:
        """Yield the means over the steps, of every hybrid stage."""
        for stage in attention_cost.stages(self.network.backbone, height_width(self.args.size)):
            steps = [attention_cost.share(stage, layout) for layout in self.layouts]
            yield stage, Share(*(fmean(values) for values in zip(*steps)))


def side(cfg: Config, name: str, args: argparse.Namespace, work_dir: str) -> Config:
    """Return the config with one attention, ready for timing."""
    cfg = prepare(copy.deepcopy(cfg), args, work_dir)
    network = plain_network(cfg)
    network.backbone = backbone(network.backbone, name, args.strategy)
    cfg.train_cfg = dict(type='SteppedLoop', **num_steps(args))
    cfg.experiment_name = name.replace(', ', '-').replace(' ', '-')  # loggers and the like are kept by this name
    return cfg


def backbone(cfg: dict, name: str, strategy: str | None = None) -> dict:
    """Return a MiT's config with one attention; a strategy of its own stays, if none is asked for."""
    own = set(inspect.signature(MHAMixVisionTransformer.__init__).parameters) - {'self', 'args', 'kwargs'}
    if name == SELF:
        return {key: value for key, value in cfg.items() if key not in own} | dict(type='mmuda.MixVisionTransformer')
    strategy = strategy or cfg.get('strategy', 'semantic')
    if strategy == 'none':
        strategy = 'semantic'
    changes = {
        WHOLE: dict(strategy='none', num_scattered=0),
        GATHERED: dict(strategy=strategy, implementation='gathered'),
        MASKED: dict(strategy=strategy, implementation='masked'),
    }
    return dict(cfg) | dict(type='mmuda.MHAMixVisionTransformer', mha_prob=1.0) | changes[name]


# ---- one attention ----------------------------------------------------------------------------


def layer_sides(stage: Stage, layout: DomainBatch, dtype: torch.dtype) -> dict[str, Callable]:
    """Return forward and backward of one layer's attention, all sides on the same tensors; plans on their own."""
    groups = stage.layer.token_groups(layout.groups[stage.number])
    options = dict(direction=stage.layer.direction, intra_ratio=stage.layer.intra_ratio)
    q, k, v, weight = (
        torch.randn(len(layout), stage.layer.num_heads, tokens, width(stage), device=groups[0].device, dtype=dtype)
        for tokens in (stage.queries, stage.keys, stage.keys, stage.queries)
    )
    inputs = tuple(x.requires_grad_() for x in (q, k, v))

    def trains(attend: Callable[[], Tensor]) -> Callable[[], tuple[Tensor, ...]]:
        return lambda: torch.autograd.grad(attend(), inputs, weight)

    def plan(implementation: str) -> object:
        return plan_attention(layout, [groups], **options, implementation=implementation)[0]

    gathered, masked = plan('gathered'), plan('masked')
    return {
        SELF: trains(lambda: F.scaled_dot_product_attention(q, k, v)),
        WHOLE: trains(lambda: hybrid_attention(q, k, v, layout, **options)),
        GATHERED: trains(lambda: hybrid_attention(q, k, v, layout, **options, plan=gathered)),
        MASKED: trains(lambda: hybrid_attention(q, k, v, layout, **options, plan=masked)),
        'plan of gathered': lambda: plan('gathered'),
        'plan of masked': lambda: plan('masked'),
    }


def width(stage: Stage) -> int:
    """Return d, channels of a head."""
    return stage.channels // stage.layer.num_heads


def time_layers(cfg: Config, args: argparse.Namespace) -> list[tuple]:
    """Measure the rows of the table of `--layers`."""
    network = plain_network(cfg)
    with DefaultScope.overwrite_default_scope('mmseg'):
        net = MODELS.build(backbone(dict(network.backbone, init_cfg=None), GATHERED, args.strategy))
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    size, batch = height_width(args.size), source_target(args.batch)
    scenes = NoiseScenes(size, network.decode_head.num_classes, seed=args.seed, labels=args.labels)
    labels = scenes.labels[torch.arange(batch[0]) % len(scenes), 0].to(device)
    layout = net.draw_groups(DomainBatch(*batch), torch.empty(sum(batch), 3, *size, device=device), labels)
    rows = []
    for stage in attention_cost.stages(net, size):
        sides = layer_sides(stage, layout, torch.bfloat16 if args.amp else torch.float32)
        times = interleave(sides, args.iters, args.warmup)
        cost = attention_cost.share(stage, layout).cost
        shape = (stage.number + 1, stage.queries, stage.keys, stage.layer.num_heads, width(stage), f'{cost:.2f}')
        for name, values in times.items():
            rows.append((*shape, *row(name, values, times[SELF]), f'{peak_memory(sides[name]):.1f}'))
    return rows


# ---- the command ------------------------------------------------------------------------------


def cost_table(bench: Bench) -> str:
    """Return what the gathered implementation should cost, by stage."""
    size = height_width(bench.args.size)
    shares = list(bench.shares())
    total = attention_cost.forward_macs(bench.network, size) + sum(stage.core_macs for stage, _ in shares)
    rows = [
        (
            stage.number + 1,
            stage.queries,
            stage.keys,
            f'{share.queries:.3f}',
            f'{share.keys:.3f}',
            f'{share.cost:.3f}',
            f'{attention_cost.even_cost(bench.layouts[0], stage.layer.direction):.3f}',
            f'{100 * stage.core_macs / total:.1f} %',
        )
        for stage, share in shares
    ]
    header = ('stage', 'N', 'M', 'f_q', 'f_k', 'core / MSA', 'at f = 0.5', 'core of the pass')
    both = attention_cost.sees_both(bench.layouts[0], bench.network.backbone.direction).float().mean().item()
    whole = 1 + sum(both * stage.core_macs for stage, _ in shares) / total
    gathered = 1 + sum((share.cost - 1) * stage.core_macs for stage, share in shares) / total
    masked = 1 + sum(stage.core_macs for stage, _ in shares) / total
    return (
        f'{table(header, rows)}\n'
        f'multiply-adds of a student pass ({total / 1e9:.2f} G an image with MSA), / MSA: '
        f'no groups {whole:.3f}, gathered {gathered:.3f}, masked {masked:.3f}'
    )


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', nargs='?', default=str(CONFIG), help='default: STCT, SegFormer on MiT-B0')
    add_arguments(parser)
    parser.add_argument('--amp', action='store_true', help='autocast to bfloat16 on all sides')
    parser.add_argument('--labels', metavar='FOLDER', help='label maps (PNG, class ids) in place of made-up ones')
    parser.add_argument('--strategy', help="of the groups (default: the config's, else semantic)")
    parser.add_argument('--layers', action='store_true', help='time the attention alone, for each stage')
    return parser.parse_args(argv)


def read(args: argparse.Namespace) -> Config:
    """Read the config, if it adapts a network that has a MiT."""
    cfg = load_config(args.config, args.cfg_options)
    if 'student' not in cfg.model:
        raise UserError(f'{args.config} trains on one domain: give a config that adapts, such as {CONFIG.name}.')
    found = str(plain_network(cfg).backbone.type)
    if not found.endswith('MixVisionTransformer'):
        raise UserError(f"The backbone of {args.config} is '{found}': hybrid attention needs a MixVisionTransformer.")
    return cfg


def run(args: argparse.Namespace) -> Bench:
    """Measure full steps."""
    with tempfile.TemporaryDirectory() as work_dir:
        bench = Bench(read(args), args, work_dir)
        bench.run()
    return bench


def main() -> None:
    args = parse()
    if args.labels:
        label_files(Path(args.labels))  # before anything is built
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    settings = {key: getattr(args, key) for key in ('size', 'batch', 'seed', 'iters')}
    settings |= dict(config=Path(args.config).stem, labels=args.labels or 'made up')
    settings |= dict(precision='bf16' if args.amp else 'fp32')
    if args.layers:
        rows = time_layers(read(args), args)
        print(environment(**settings))
        print(table(('stage', 'N', 'M', 'heads', 'd', 'core / MSA', 'attention', *COLUMNS, 'peak MiB'), rows))
        return
    bench = run(args)
    print(environment(**settings, strategy=bench.network.backbone.strategy))
    times = bench.times
    rows = [(*row(name, times[name], times[SELF]), f'{bench.memory[name]:.0f}') for name in times]
    print(table(('step', *COLUMNS, 'peak MiB'), rows))
    print()
    print(cost_table(bench))


if __name__ == '__main__':
    run_tool(main)
