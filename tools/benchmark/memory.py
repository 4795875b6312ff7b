"""The memory of a training step of any segmentor's config, without a GPU and without the memory.

    python tools/benchmark/memory.py configs/stct/gta2cs.py --size 512x512 --amp

A step runs on tensors that have shapes but no values (torch's fake tensors): preprocessing, passes, backward passes,
the optimizer, the teacher's update. What is counted are the bytes of living tensors (live_memory.py); --real counts
the same on tensors with values. Groups of hybrid attention are drawn from blocky labels; a number that the host draws
is 0, which switches changes of a view on.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from live_memory import LiveMemory
from measuring import environment, table
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import DefaultScope
from stepping import height_width, plain_network, source_target
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from mmuda import compat

compat.apply()

import synthetic

from mmuda.apis import ToolParser, UserError, load_config, run_tool
from mmuda.apis.launch import enable_amp
from mmuda.domain import GroupDrawer
from mmuda.functional import ema_update_
from mmuda.registry import MODELS

COLUMNS = ('peak', 'between steps', 'beyond that in a step')


class HostReadsZero(TorchDispatchMode):
    """A value that the host reads is 0, as fake tensors have none."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            return 0.0 if args[0].is_floating_point() else 0
        return func(*args, **(kwargs or {}))


class Memory(NamedTuple):
    """Bytes of a training."""

    held: int
    """Between two steps: weights, moments, the teacher."""
    peak: int
    """The most in a step."""


def estimate(cfg: Config, size: tuple[int, int], batch: tuple[int, int], real: bool = False) -> Memory:
    """Count the memory of a step of a config.

    Args:
        cfg: A config of a training.
        size: (H, W) of the images.
        batch: Source and target images; without adaptation the first alone.
        real: Whether tensors have values.
    """
    network = plain_network(cfg)
    if 'decode_head' not in network:
        raise UserError(f'{network.get("type")} is no segmentor: give a config whose network has a decode_head')
    network.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        model = MODELS.build(cfg.model)
        data = one_batch(size, batch if hasattr(model, 'student') else (batch[0], 0), network.decode_head.num_classes)
        if real:
            return count(model, build_optim_wrapper(model, cfg.optim_wrapper), data)
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        with FakeCopyMode(mode):
            model = copy.deepcopy(model)
        draw_beforehand(model, data)
        with mode, HostReadsZero():
            return count(model, build_optim_wrapper(model, cfg.optim_wrapper), tree_map_only(Tensor, torch.clone, data))


def one_batch(size: tuple[int, int], batch: tuple[int, int], num_classes: int) -> dict:
    """Make images and labels as the loader gives them, source first."""
    scenes = synthetic.NoiseScenes(size, num_classes, sum(batch))
    samples = [scenes[number] for number in range(sum(batch))]
    for number, sample in enumerate(samples):
        sample['data_samples'].set_metainfo(dict(domain='source' if number < batch[0] else 'target'))
    return pseudo_collate(samples)


def draw_beforehand(model: nn.Module, data: dict) -> None:
    """Let what splits tokens into groups see the values of this batch's labels, as their sizes are shapes."""
    label = synthetic.as_tensors(data)[1]
    for drawer in model.modules():
        if isinstance(drawer, GroupDrawer):
            draw = drawer.draw_groups

            def drawn(layout, inputs, _label=None, draw=draw):
                with unset_fake_temporarily():
                    return draw(layout, torch.empty(inputs.shape), label)

            drawer.draw_groups = drawn


def count(model: nn.Module, optim_wrapper: OptimWrapper, data: dict) -> Memory:
    """Make one step behind an update by zeros, which makes the moments."""
    networks = []
    if hasattr(model, 'teacher'):
        model.teacher_updater = 'this tool'
        networks = [[x.detach() for x in net.parameters()] for net in (model.teacher, model.student)]
    model.train()
    with LiveMemory() as memory:
        memory.see([*model.parameters(), *model.buffers()])
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        optim_wrapper.step()
        optim_wrapper.zero_grad()
        memory.peak = held = memory.held
        model.train_step(data, optim_wrapper)
        if networks:
            ema_update_(*networks, 0.1)
    return Memory(held, memory.peak)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+', metavar='config')
    parser.add_argument('--size', default='512x512', metavar='HxW')
    parser.add_argument('--batch', default='2+2', metavar='S+T', help='source + target images')
    parser.add_argument('--amp', action='store_true', help='autocast to bfloat16')
    parser.add_argument('--real', action='store_true', help='tensors with values')
    parser.add_cfg_options()
    return parser.parse_args(argv)


def main() -> None:
    args = parse()
    configs = [(config, load_config(config, args.cfg_options)) for config in args.configs]
    print(environment(size=args.size, batch=args.batch, precision='bf16' if args.amp else 'fp32'), flush=True)
    for config, cfg in configs:
        if args.amp:
            enable_amp(cfg)
        found = estimate(cfg, height_width(args.size), source_target(args.batch), args.real)
        mib = (f'{value / 2**20:.0f}' for value in (found.peak, found.held, found.peak - found.held))
        print(table((config, *COLUMNS), [('MiB', *mib)]), flush=True)


if __name__ == '__main__':
    run_tool(main)
