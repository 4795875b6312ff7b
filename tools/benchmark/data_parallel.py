"""Settings of DistributedDataParallel for one training step, interleaved in two processes on this machine.

    python tools/benchmark/data_parallel.py configs/stct/stct_segformer_mit-b0_gta2cs.py --size 128x128 --iters 10

Each setting trains a copy of the model in turn. Processor time counts, as processes on shared cores wait for each
other. Gradients of the last step are compared with the first setting's, relative to the largest of these.
"""

from __future__ import annotations

import argparse
import copy
import os
import socket
from collections.abc import Sequence

import torch
import torch.distributed as torch_dist
from measuring import Elapsed, environment, interleave, row, table
from memory import one_batch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from stepping import add_arguments, height_width, plain_network, source_target
from torch import Tensor
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook

from mmuda.apis import ToolParser, load_config, run_tool
from mmuda.engine.runners import UDADataParallel
from mmuda.registry import MODELS

DEFAULT = 'as it is'
SETTINGS = {
    DEFAULT: {},
    'gradient_as_bucket_view': dict(gradient_as_bucket_view=True),
    'static_graph': dict(static_graph=True),
    'find_unused_parameters': dict(find_unused_parameters=True),
    'fp16_compress_hook': {},
}
COLUMNS = ('setting', 'ms (middle half)', 'cpu ms', 'wall ratio', 'cpu ratio', 'difference')


class Training:
    """One setting's model, optimizer and step on a batch of this rank."""

    def __init__(self, cfg: Config, setting: str, batch: dict) -> None:
        torch.manual_seed(0)
        model = MODELS.build(copy.deepcopy(cfg.model))
        if hasattr(model, 'teacher'):
            model.teacher_updater = 'this tool'
        self.optim_wrapper = build_optim_wrapper(model, copy.deepcopy(cfg.optim_wrapper))
        self.model = UDADataParallel(model, device_ids=None, broadcast_buffers=True, **SETTINGS[setting])
        if setting == 'fp16_compress_hook':
            self.model.register_comm_hook(None, fp16_compress_hook)
        self.model.train()
        self.batch, self.steps = batch, 0
        self.gradients: list[Tensor] = []
        self.optim_wrapper.optimizer.register_step_pre_hook(lambda *_: self._keep())

    def step(self) -> None:
        """Make one update, with the draws that every setting's update of this number has."""
        torch.manual_seed(self.steps)
        self.steps += 1
        self.model.train_step(copy.copy(self.batch), self.optim_wrapper)

    def _keep(self) -> None:
        self.gradients = [x.grad for x in self.model.parameters() if x.grad is not None]


def measure(rank: int, cfg: Config, args: argparse.Namespace, port: int) -> None:
    """Measure in one of the two processes; the first prints."""
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    torch.set_num_threads(args.threads)
    torch_dist.init_process_group('gloo', rank=rank, world_size=2)
    network = plain_network(cfg)
    network.backbone.init_cfg = None
    batch = one_batch(height_width(args.size), source_target(args.batch), network.decode_head.num_classes)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        trainings = {name: Training(cfg, name, batch) for name in SETTINGS}
    times = interleave({name: training.step for name, training in trainings.items()}, args.iters, args.warmup)
    if rank == 0:
        print(environment(processes=2, size=args.size, batch=args.batch, iters=args.iters))
        print(table(COLUMNS, rows(times, {name: training.gradients for name, training in trainings.items()})))
    torch_dist.destroy_process_group()


def rows(times: dict[str, list[Elapsed]], gradients: dict[str, list[Tensor]]) -> list[tuple[str, ...]]:
    """Return times of each setting beside the first one's, and how far its gradients are from that's."""
    scale = max(x.abs().max() for x in gradients[DEFAULT])
    found = []
    for name in times:
        far = max((x - y).abs().max() for x, y in zip(gradients[name], gradients[DEFAULT], strict=True)) / scale
        found.append((*row(name, times[name], times[DEFAULT]), f'{far:.0e}'))
    return found


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('config')
    add_arguments(parser)
    parser.set_defaults(size='128x128', threads=1, iters=10)
    return parser.parse_args(argv)


def main() -> None:
    args = parse()
    cfg = load_config(args.config, args.cfg_options)
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.spawn(measure, (cfg, args, port), 2)


if __name__ == '__main__':
    run_tool(main)
