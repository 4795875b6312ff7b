"""One training step of `mmuda` against its bare floor, interleaved in one process.

    python tools/benchmark/step.py configs/stct/stct_segformer_toy.py --size 256x256 --batch 2+2
    python tools/benchmark/step.py configs/{dacs,mic,advent}/*_segformer_toy.py      # one after the other

The first row is the real thing: the config's runner, model, data preprocessor, optimizer wrapper,
hooks and loop; only the data are synthetic and in memory, loading is not timed, and evaluation and
checkpoints are off. The floor (floor.py) trains a second copy of the same networks on the same
batches, with the same passes and losses; what makes a view (mixing, colours, masks) and terms of
alignment are not in it and show in the ratio, and `--cfg-options model.views=None` leaves them out.
`--stock` adds a floor whose network has mmseg's own modules in place of mmuda's.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence

import torch
from floor import Floor
from measuring import COLUMNS, Elapsed, clock, environment, peak_memory, row, table
from mmengine.config import Config
from stepping import add_arguments, num_steps, plain_network, prepare
from torch import nn

from mmuda import compat
from mmuda.registry import LOOPS, MODELS, RUNNERS

compat.apply()

import synthetic
from mmengine.registry import DefaultScope

from mmuda.apis import ToolParser, load_config, run_tool
from mmuda.models.heads import MapDiscriminator
from mmuda.models.terms import EntropyLoss, FeatureDistance, OutputAdversarial, PseudoLabelLoss, SupervisedLoss, Term

STOCK = {'mmuda.MixVisionTransformer': 'MixVisionTransformer', 'mmuda.SegformerHead': 'SegformerHead'}


@LOOPS.register_module()
class InterleavedLoop(LOOPS.get('ResumableTrainLoop')):
    """The training loop of the config, whose every step is followed by the floors' on the same batch."""

    def __init__(self, *args, floors: dict[str, dict], warmup: int, bf16: bool, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.floor_cfgs, self.warmup, self.bf16 = floors, warmup, bf16
        self.floors: dict[str, Floor] = {}
        self.times: dict[str, list[Elapsed]] = {}
        self.memory: dict[str, float] = {}

    def run(self):
        """Give every floor the student's parameters, then train all of them side by side."""
        model = self.runner.model
        student = getattr(model, 'student', model)
        group = self.runner.optim_wrapper.optimizer.param_groups[0]
        settings = dict(lr=group['lr'], weight_decay=group['weight_decay'], bf16=self.bf16)
        settings['teacher_norm'] = getattr(model, 'teacher_norm', 'running')
        for name, cfg in self.floor_cfgs.items():
            net = copy_network(cfg, student)
            self.floors[name] = Floor(net, hasattr(model, 'teacher'), **bare_work(model), **settings)
        return super().run()

    def run_iter(self, data_batch) -> None:
        """Make one step of everybody; the order alternates, the last step looks at memory."""
        tensors = synthetic.as_tensors(data_batch)
        steps = {'mmuda': lambda: super(InterleavedLoop, self).run_iter(data_batch)}
        steps |= {name: lambda floor=floor: floor.step(*tensors) for name, floor in self.floors.items()}
        last = self._iter == self._max_iters - 1
        for name in list(steps)[:: 1 if self._iter % 2 else -1]:
            self.measure(name, steps[name], last)

    def measure(self, name: str, step: Callable[[], None], last: bool) -> None:
        """Make one side's step: its time counts, but of the last one the memory."""
        if last:
            self.memory[name] = peak_memory(step)
        else:
            self.times.setdefault(name, []).append(clock(step))

    def results(self) -> dict[str, list[Elapsed]]:
        """Return the measured steps, without the warm-up."""
        return {name: self.times[name][self.warmup :] for name in ('mmuda', *self.floors)}


def bare_work(model: nn.Module) -> dict:
    """Return the passes of a model's step, and what is learned of each view: arguments of the floor."""
    if not hasattr(model, 'plan'):
        return dict(passes=(('source',),), learns=dict(source=('labels',)))
    terms = list(model.terms.values())
    learns = {view: tuple(kind for term in terms for kind in bare_losses(term, view)) for view in model.plan.passed}
    widths = [term.discriminator[0].weight.shape[:2] for term in terms if isinstance(term, OutputAdversarial)]
    device = next(model.student.parameters()).device
    discriminator = MapDiscriminator(widths[0][1], widths[0][0]).to(device) if widths else None
    return dict(passes=model.plan.passes, learns=learns, discriminator=discriminator)


def bare_losses(term: Term, view: str) -> tuple[str, ...]:
    """Return the floor's names of what a term makes of a view."""
    if view not in term.reads:
        return ()
    if isinstance(term, EntropyLoss):
        return ('entropy' if term.resize else 'thin_entropy',)
    kinds = {SupervisedLoss: 'labels', PseudoLabelLoss: 'teacher', FeatureDistance: 'distance'}
    return tuple(name for kind, name in kinds.items() if isinstance(term, kind))


def copy_network(cfg: dict, student: nn.Module) -> nn.Module:
    """Return the plain network of a model config with the student's parameters, device and memory format."""
    with DefaultScope.overwrite_default_scope(cfg.get('_scope_', 'mmseg')):
        net = MODELS.build(cfg)
    weights = [weight for weight in student.parameters() if weight.ndim == 4 and not weight.is_contiguous()]
    net = net.to(next(student.parameters()).device, memory_format=torch.channels_last if weights else None)
    net.load_state_dict(student.state_dict())
    return net


def stock(cfg: dict) -> dict | None:
    """Return the same network of mmseg's own modules; None when it has nothing to replace."""
    cfg = Config(cfg).copy()
    parts = [part for part in (cfg.backbone, cfg.decode_head) if part.type in STOCK]
    for part in parts:
        part.type = STOCK[part.type]
    if cfg.decode_head.type == 'mmuda.DAFormerHead':
        cfg.decode_head.compose = False
    return cfg.to_dict() if parts else None


def with_self_attention(cfg: dict) -> dict:
    """Return the same network, with the same parameters, whose tokens attend to their own image alone."""
    hybrid = cfg['backbone']['type'] == 'mmuda.MHAMixVisionTransformer'
    return cfg | dict(backbone=cfg['backbone'] | dict(mha_stages=())) if hybrid else cfg


def interleaved(cfg: Config, args: argparse.Namespace, work_dir: str) -> Config:
    """Return the config, ready for timing, with the loop that also steps the floors."""
    cfg = prepare(cfg, args, work_dir)
    network = plain_network(cfg)
    floors = {'bare floor': with_self_attention(network.to_dict())}
    if args.stock and (other := stock(network.to_dict())):
        floors['mmseg floor'] = other
    cfg.train_cfg = dict(type='InterleavedLoop', floors=floors, warmup=args.warmup, bf16=args.amp, **num_steps(args))
    return cfg


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+', metavar='config')
    add_arguments(parser)
    parser.add_argument('--amp', action='store_true', help='autocast to bfloat16 on both sides')
    parser.add_argument('--stock', action='store_true', help="also a floor of mmseg's own modules")
    return parser.parse_args(argv)


def train(cfg: Config, args: argparse.Namespace) -> InterleavedLoop:
    """Run everything of one config; the loop holds the times, the memory and the networks."""
    with tempfile.TemporaryDirectory() as work_dir:
        runner = RUNNERS.build(interleaved(cfg, args, work_dir))
        runner.train()
    return runner.train_loop


def main() -> None:
    args = parse()
    if args.threads:
        torch.set_num_threads(args.threads)
    configs = [(config, load_config(config, args.cfg_options)) for config in args.configs]
    print(environment(size=args.size, batch=args.batch, seed=args.seed, iters=args.iters,
                      precision='bf16' if args.amp else 'fp32'), flush=True)  # fmt: skip
    for config, cfg in configs:
        loop = train(cfg, args)
        times = loop.results()
        rows = [(*row(name, times[name], times['bare floor']), f'{loop.memory[name]:.0f}') for name in times]
        print(table((config, *COLUMNS, 'peak MiB'), rows), flush=True)


if __name__ == '__main__':
    run_tool(main)
