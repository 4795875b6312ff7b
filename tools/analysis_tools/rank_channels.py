"""Rank the channels of a trained network by how transferable they are (TransNorm, Eqs. 5 and 6; Fig. 3 of the paper).

    python tools/analysis_tools/rank_channels.py configs/transnorm/dann_dtn_svhn2mnist.py CHECKPOINT \\
        --out channels.png

d is the distance of the domains in a channel, alpha its weight. They come from the running statistics that TransNorm
and its relatives keep of both domains; for any other batch norm, or with `--measure`, the statistics of its inputs are
measured on `--samples` images of each domain. The picture shows the most and the least transferable channels of the
first layer on some images: what its convolution gives, before the norm. The numbers are printed, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from reporting import add_picture, check_picture, save_picture
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from trained import Trained, add_arguments, open_trained

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.apis.errors import did_you_mean
from mmuda.apis.tables import markdown
from mmuda.domain.batch import DOMAINS
from mmuda.functional import channel_distance, channel_moments, joined_moments, transferability
from mmuda.models.layers import TwoDomainNorm
from mmuda.visualization import ChannelReport, channels_figure

Ranks = dict[str, tuple[Tensor, Tensor]]


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    add_arguments(parser)
    add_picture(parser)
    parser.add_argument('--layer', help='norm layer whose channels are drawn and listed (default: the first)')
    parser.add_argument(
        '--channels', type=at_least(1), default=5, help='most, and as many least transferable (default: 5)'
    )
    parser.add_argument('--images', type=at_least(1), default=2, help='of each domain in the picture (default: 2)')
    parser.add_argument('--measure', action='store_true', help='measure, where there are running statistics, too')
    return parser.parse_args()


def norm_layers(network: nn.Module, config: str) -> dict[str, _BatchNorm]:
    """Return the network's batch norms, those of two domains included."""
    layers = {name: module for name, module in network.named_modules() if isinstance(module, _BatchNorm)}
    if not layers:
        raise UserError(f'config {config} has a network without batch norms: choose another config')
    return layers


def choose_layer(layers: Mapping[str, nn.Module], name: str | None) -> str:
    """Choose the named layer, or the first."""
    if name is None:
        return next(iter(layers))
    if name not in layers:
        known = ', '.join(list(layers)[:5]) + (', ...' if len(layers) > 5 else '')
        raise UserError(
            f'--layer {name} is no norm layer of the network, which has {known}{did_you_mean(name, layers)}'
        )
    return name


@contextmanager
def watch(layers: Mapping[str, nn.Module], seen) -> Iterator[None]:
    """Call `seen(name, input)` whenever one of the layers runs inside the block."""
    handles = [
        layer.register_forward_pre_hook(lambda _, args, name=name: seen(name, args[0]))
        for name, layer in layers.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def measure(trained: Trained, layers: Mapping[str, nn.Module], samples: int, seed: int) -> dict[str, list[Tensor]]:
    """Measure mean and unbiased variance of the inputs of every layer that runs: of the source, then of the target."""
    found: dict[str, list[Tensor]] = {name: [] for name in layers}
    for domain in DOMAINS:
        parts: dict[str, list] = {name: [] for name in layers}
        with watch(layers, lambda name, x, parts=parts: parts[name].append(channel_moments(x))):
            for inputs, _, _ in trained.batches(domain, samples, seed):
                trained.network(inputs, mode='tensor')
        for name, moments in parts.items():
            if moments:
                whole = joined_moments(moments)
                found[name] += [whole.mean, whole.unbiased_var()]
    return {name: moments for name, moments in found.items() if moments}


def rank(trained: Trained, layers: Mapping[str, _BatchNorm], args: argparse.Namespace) -> Ranks:
    """Compute alpha and d, each [C], of every layer that runs in evaluation or has statistics of both domains."""
    moments = {}
    for name, layer in layers.items():
        if isinstance(layer, TwoDomainNorm) and layer.track_running_stats and not args.measure:
            moments[name] = [*layer.running_moments('source'), *layer.running_moments('target')]
    others = {name: layer for name, layer in layers.items() if name not in moments}
    if others:
        moments |= measure(trained, others, args.samples, args.seed)
    return {
        name: (transferability(*moments[name], layer.eps).cpu(), channel_distance(*moments[name], layer.eps).cpu())
        for name, layer in layers.items()
        if name in moments
    }


@torch.no_grad()
def activation_maps(trained: Trained, name: str, layer: nn.Module, args: argparse.Namespace) -> tuple[list, list, list]:
    """Return images uint8 [H, W, 3], their names, and the layer's inputs [C, h, w] for each, of both domains."""
    images, names, maps = [], [], []
    with watch({name: layer}, lambda _, x: maps.extend(x.cpu().numpy())):
        for domain in DOMAINS:
            before = len(images)
            for inputs, _, plain in trained.batches(domain, args.images, args.seed):
                trained.network(inputs, mode='tensor')
                images += [as_picture(image) for image in plain]
            names += [f'{domain} {number}' for number in range(1, len(images) - before + 1)]
    if not maps or maps[0].ndim != 3:
        what = 'works on vectors' if maps else 'does not run in evaluation'
        raise UserError(f'layer {name} {what}, so it has no maps to draw: choose another --layer')
    return images, names, maps


def as_picture(image: Tensor) -> np.ndarray:
    """Turn a loaded image [1 or 3, H, W], colours as BGR, into RGB, uint8 [H, W, 3]."""
    image = image.flip(0).expand(3, -1, -1).permute(1, 2, 0)
    return image.float().round().clamp(0, 255).byte().numpy()


def tables(ranks: Ranks, chosen: str, count: int) -> str:
    """Return all layers, and the chosen one's most and least transferable channels, Markdown."""
    rows = [('layer', 'channels', 'mean d', 'largest d', 'alpha')]
    for name, (alpha, distance) in ranks.items():
        span = f'{alpha.min():.3f}–{alpha.max():.3f}'
        rows.append((name, str(len(alpha)), f'{distance.mean():.3f}', f'{distance.max():.3f}', span))
    alpha, distance = ranks[chosen]
    order = distance.argsort(stable=True).tolist()
    listed = [('channel of ' + chosen, 'alpha', 'd')]
    for channel in order[:count] + order[-count:]:
        listed.append((str(channel), f'{alpha[channel]:.3f}', f'{distance[channel]:.3f}'))
    return f'{markdown(rows)}\n\n{markdown(listed)}'


def main() -> None:
    args = parse_args()
    check_picture(args)
    trained = open_trained(args)
    layers = norm_layers(trained.network, args.config)
    chosen = choose_layer(layers, args.layer)
    limit = layers[chosen].num_features // 2
    if not 1 <= args.channels <= limit:
        raise UserError(f'--channels {args.channels} of {chosen} and as many others do not fit: give 1 to {limit}')
    images, names, maps = activation_maps(trained, chosen, layers[chosen], args)
    ranks = rank(trained, layers, args)
    alpha, distance = (values.numpy() for values in ranks[chosen])
    title = f'{chosen} of {Path(args.config).stem}, {Path(args.checkpoint).name}'
    report = ChannelReport(images, names, maps, alpha, distance, args.channels, title)
    save_picture(channels_figure(report), args)
    print(tables(ranks, chosen, args.channels))
    print(f'\n{args.out}: {len(images)} images')


if __name__ == '__main__':
    run_tool(main)
