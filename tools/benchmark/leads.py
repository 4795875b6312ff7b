"""What each speed decision of `mmuda` buys: before and after, interleaved in one process.

    python tools/benchmark/leads.py                     # all of them
    python tools/benchmark/leads.py attention ema --iters 30 --threads 1

Each function below is one decision and returns its two sides. Figures of a run: docs/performance.md.
The allocator needs two processes: allocator.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from copy import deepcopy
from unittest.mock import patch

import torch
import torch.nn.functional as F
from floor import Floor
from measuring import COLUMNS, Elapsed, environment, interleave, row, table
from torch import Tensor, nn

from mmuda import compat
from mmuda.engine.optimizers import UDAOptimWrapperConstructor
from mmuda.functional import atrous_depthwise, ema_update_, gaussian_blur, pointwise
from mmuda.models.backbones import MixVisionTransformer
from mmuda.models.heads import DAFormerHead, SegformerHead
from mmuda.registry import MODELS

compat.apply()

from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.models.backbones import MixVisionTransformer as MMSegMiT
from mmseg.models.backbones import MobileNetV2
from mmseg.models.decode_heads import SegformerHead as MMSegSegformerHead
from mmseg.structures import SegDataSample

from mmuda.apis import ToolParser, run_tool
from mmuda.apis.allocator import keep_freed_memory

Sides = tuple[Callable[[], object], Callable[[], object]]
B0 = dict(embed_dims=32, num_layers=[2, 2, 2, 2], num_heads=[1, 2, 5, 8], drop_path_rate=0.1)
WIDTHS, CLASSES, BATCH = [32, 64, 160, 256], 19, 4
HEAD = dict(in_channels=WIDTHS, in_index=[0, 1, 2, 3], channels=256, num_classes=CLASSES, norm_cfg=dict(type='BN'))


def attention(size: int) -> Sides:
    """Compare MiT-B0, forward and backward: attention weights materialised | fused attention."""
    before = MMSegMiT(**B0)
    after = MixVisionTransformer(**B0)
    after.load_state_dict(before.state_dict())
    x = torch.randn(BATCH, 3, size, size)
    return trains(before, x), trains(after, x)


def fusion(size: int) -> Sides:
    """Compare the SegFormer head: fuse after upsampling | before."""
    before, after = MMSegSegformerHead(**HEAD), SegformerHead(**HEAD)
    after.load_state_dict(before.state_dict())
    x = levels(size)
    return trains(before, x), trains(after, x)


def composition(size: int) -> Sides:
    """Compare the DAFormer head: 1×1 branch of the ASPP after upsampling | composed with the embeddings before."""
    before, after = DAFormerHead(**HEAD, compose=False), DAFormerHead(**HEAD)
    after.load_state_dict(before.state_dict())
    x = levels(size)
    return trains(before, x), trains(after, x)


@MODELS.register_module()
class PlainDAFormerHead(DAFormerHead):
    """The head with contiguous levels, and torch's own dilated depth-wise convolutions."""

    def _transform_inputs(self, inputs: list[Tensor]) -> list[Tensor]:
        return [x.contiguous() for x in super()._transform_inputs(inputs)]


def atrous(size: int) -> Sides:
    """Compare the DAFormer head: contiguous levels, torch's dilated convolutions | channels last, by sub-grids."""
    before, after = PlainDAFormerHead(**HEAD), DAFormerHead(**HEAD)
    after.load_state_dict(before.state_dict())
    x = levels(size)
    return trains(before, x), trains(after, x)


def atrous_step(size: int) -> Sides:
    """Compare the same two, in the bare step of a student with MiT-B0 and its teacher."""
    images, labels = batch(size)
    before, after = Floor(network('PlainDAFormerHead')), Floor(network('DAFormerHead'))
    return lambda: before.step(images, labels), lambda: after.step(images, labels)


def pointwise_step(size: int) -> Sides:
    """Compare the bare step, MiT-B0 and SegFormer head: torch's choice for 1×1 filters | `pointwise_conv`."""
    images, labels = batch(size)
    before, after = Floor(network()), Floor(network())
    return as_torch_does(lambda: before.step(images, labels)), lambda: after.step(images, labels)


def daformer_step(size: int) -> Sides:
    """Compare the step of `atrous_step`: neither sub-grids nor `pointwise_conv` | both."""
    before, after = atrous_step(size)
    return as_torch_does(before), after


def as_torch_does(step: Callable[[], None]) -> Callable[[], None]:
    """Leave the choice of a kernel for 1×1 filters to torch, as in a graph."""
    return patch.object(pointwise, 'in_a_graph', lambda: True)(step)


def atrous_layer(size: int) -> Sides:
    """Compare three depth-wise convolutions on [4, 1024, size / 4, size / 4]: torch's, contiguous | by sub-grids."""
    x = torch.randn(BATCH, 1024, size // 4, size // 4, requires_grad=True)
    last = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    weights = torch.randn(3, 1024, 1, 3, 3).requires_grad_()

    def by(convolve: Callable[[Tensor, Tensor, int], Tensor], x: Tensor) -> Callable[[], None]:
        def step() -> None:
            dtype = torch.get_autocast_dtype('cpu') if torch.is_autocast_enabled('cpu') else x.dtype
            for weight, dilation in zip(weights, (6, 12, 18)):
                y = convolve(x.to(dtype), weight.to(dtype), dilation)
                y.backward(torch.ones_like(y))

        return step

    plain = by(lambda x, w, d: F.conv2d(x, w, padding=d, dilation=d, groups=1024), x)
    return plain, by(lambda x, w, d: atrous_depthwise(x, w, None, d), last)


def channels_last(size: int) -> Sides:
    """Compare MobileNetV2, forward and backward: contiguous | channels last."""
    before = MobileNetV2()
    after = deepcopy(before).to(memory_format=torch.channels_last)
    x = torch.randn(BATCH, 3, size, size)
    return trains(before, x), trains(after, x.contiguous(memory_format=torch.channels_last))


def optimizer(size: int) -> Sides:
    """Compare AdamW on MiT-B0 with a teacher: a group a parameter, frozen ones too | few groups, fused."""
    pair = nn.ModuleDict(dict(student=network(), teacher=network().requires_grad_(False)))
    for parameter in pair.student.parameters():
        parameter.grad = torch.randn_like(parameter)
    before = torch.optim.AdamW([dict(params=[p]) for p in pair.parameters()], lr=6e-5, weight_decay=0.01)
    after = UDAOptimWrapperConstructor(
        dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=6e-5, weight_decay=0.01, fused=True)),
        dict(custom_keys=dict(head=dict(lr_mult=10.0), norm=dict(decay_mult=0.0))),
    )(pair)
    return before.step, after.step


def ema(size: int) -> Sides:
    """Compare the teacher's update of MiT-B0: a Python loop | one foreach call."""
    student = [p.data for p in network().parameters()]
    teacher = [p.clone() for p in student]

    def loop() -> None:
        for ours, theirs in zip(teacher, student):
            ours.mul_(0.999).add_(theirs, alpha=0.001)

    return loop, lambda: ema_update_(teacher, student, 1e-3)


def accuracy(size: int) -> Sides:
    """Compare the source loss of two images: with mmseg's top-1 accuracy in every step | without."""
    head = MMSegSegformerHead(**HEAD)
    label = torch.randint(CLASSES, (2, 1, size, size))
    samples = [SegDataSample(gt_sem_seg=PixelData(data=one)) for one in label]
    logits = torch.randn(2, CLASSES, size // 4, size // 4, requires_grad=True)

    def after() -> None:
        large = F.interpolate(logits, label.shape[2:], mode='bilinear', align_corners=False)
        head.loss_decode(large, label[:, 0]).backward()

    return lambda: head.loss_by_feat(logits, samples)['loss_ce'].backward(), after


def blur(size: int) -> Sides:
    """Compare the blur of two images as strong as DAFormer's: a dense kernel | two passes."""
    x, sigma = torch.rand(2, 3, size, size), 1.15
    taps = torch.exp(-0.5 * (torch.arange(-3, 4) / sigma) ** 2)
    dense = (taps[:, None] * taps / taps.sum() ** 2).expand(3, 1, 7, 7)

    def before() -> Tensor:
        return F.conv2d(F.pad(x, (3, 3, 3, 3), 'reflect'), dense, groups=3)

    return before, lambda: gaussian_blur(x, torch.full((2,), sigma), 3)


def bf16(size: int) -> Sides:
    """Compare the bare step with a teacher, MiT-B0 and SegFormer head: float32 | autocast to bfloat16."""
    images, labels = batch(size)
    single, half = Floor(network()), Floor(network(), bf16=True)
    return lambda: single.step(images, labels), lambda: half.step(images, labels)


LEADS = dict(
    attention=attention,
    fusion=fusion,
    composition=composition,
    atrous=atrous,
    atrous_layer=atrous_layer,
    atrous_step=atrous_step,
    pointwise_step=pointwise_step,
    daformer_step=daformer_step,
    channels_last=channels_last,
    optimizer=optimizer,
    ema=ema,
    accuracy=accuracy,
    blur=blur,
    bf16=bf16,
)


def network(head: str = 'SegformerHead') -> nn.Module:
    """Build MiT-B0 with a head of mmuda."""
    return MODELS.build(
        dict(
            _scope_='mmseg',
            type='EncoderDecoder',
            backbone=dict(type='mmuda.MixVisionTransformer', **B0),
            decode_head=dict(type=f'mmuda.{head}', **HEAD),
            data_preprocessor=dict(type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3),
        )
    )


def batch(size: int) -> tuple[Tensor, Tensor]:
    """Make images of both domains and labels of the source, for a bare step."""
    images = torch.randint(256, (BATCH, 3, size, size), dtype=torch.uint8)
    return images, torch.randint(CLASSES, (BATCH // 2, size, size))


def levels(size: int) -> list[Tensor]:
    """Make what MiT-B0 hands to a head: transposed views of tokens."""
    grids = [size // 2**i for i in range(2, 6)]
    return [
        torch.randn(BATCH, side * side, width).transpose(1, 2).unflatten(2, (side, side)).requires_grad_()
        for side, width in zip(grids, WIDTHS)
    ]


def trains(net: nn.Module, x: Tensor | list[Tensor]) -> Callable[[], None]:
    """Return forward and backward of a scalar that uses every output."""
    net.train()

    def step() -> None:
        outs = net(x)
        sum(out.float().square().mean() for out in ([outs] if isinstance(outs, Tensor) else outs)).backward()

    return step


def main() -> None:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', metavar='NAME', help=f'of {", ".join(LEADS)} (default: all)')
    parser.add_argument('--iters', type=int, default=15)
    parser.add_argument('--warmup', type=int, default=2)
    parser.add_argument('--size', type=int, default=256, help='side of the images')
    parser.add_argument('--threads', type=int)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--amp', action='store_true', help='both sides under autocast to bfloat16')
    parser.add_argument('--keep-freed', action='store_true', help='keep freed memory, as tools/train.py does')
    args = parser.parse_args()
    if unknown := set(args.names) - set(LEADS):
        parser.error(f'{", ".join(sorted(unknown))} is none of {", ".join(LEADS)}.')
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.keep_freed:
        keep_freed_memory()
    MMLogger.get_instance('leads', log_level='WARNING')  # mmengine would list every parameter group
    print(
        environment(
            size=args.size, batch=BATCH, seed=args.seed, iters=args.iters, precision='bf16' if args.amp else 'fp32'
        ),
        flush=True,
    )
    for name in args.names or LEADS:
        torch.manual_seed(args.seed)
        times = measure(LEADS[name](args.size), args)
        rows = [row(f'{name}, {side}', times[side], times['before']) for side in times]
        print(table(('lead', *COLUMNS), rows), flush=True)


def measure(sides: Sides, args: argparse.Namespace) -> dict[str, list[Elapsed]]:
    """Take turns."""
    with torch.autocast('cpu', torch.bfloat16) if args.amp else nullcontext():
        return interleave(dict(zip(('before', 'after'), sides)), args.iters, args.warmup)


if __name__ == '__main__':
    run_tool(main)
