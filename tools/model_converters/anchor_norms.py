"""Pretrained backbone → the same in evaluation, with batch norms that remember the images at hand.

python tools/model_converters/anchor_norms.py CONFIG OUT

For weights whose batch norms do not remember the images at hand, whether they were rebuilt from folded ones, as in
exported or quantised networks, or not (docs/benchmark.md, Office-31): normalised by a batch, as in training, their
features are not those of evaluation. CONFIG names weights of its backbone, and source.

A norm evaluates the fixed map x ↦ a·x + b with a = gamma / sqrt(var + eps) and b = beta − a·mean. Any statistics (m, v)
stand for the same map with gamma' = a·sqrt(v + eps) and beta' = b + a·m. With those of real inputs, normalising by a
batch is close to normalising by the running statistics, as it is after training. Those inputs should be what training
will see: the source's images for a network that trains on these alone, both domains' (`--domains both`) where batch
norms see joint batches. No label is read.
"""

import argparse
import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, DefaultScope
from mmengine.utils import track_iter_progress
from torch import Tensor, nn

from mmuda import compat
from mmuda.apis import (
    ToolParser,
    UserError,
    at_least,
    check_data_roots,
    check_out_file,
    check_pretrained,
    load_config,
    run_tool,
)
from mmuda.datasets.seeding import seeded
from mmuda.functional import Moments, channel_moments, joined_moments
from mmuda.models.layers import TwoDomainNorm
from mmuda.registry import MODELS
from mmuda.storage import atomic_write

BATCH_SIZE = 32
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Let the batch norms of pretrained weights remember real images')
    parser.add_argument('config', help='config whose backbone starts from the weights, with source images')
    parser.add_argument('out', type=Path, help='file to write, for init_cfg of the backbone')
    parser.add_argument(
        '--domains',
        choices=('source', 'both'),
        default='source',
        help="whose images: the source's, or the target's as well, for norms that see joint batches (default: source)",
    )
    parser.add_argument(
        '--samples',
        type=at_least(1),
        default=500,
        help='images of each set, at random; as many as the smallest set has where that is fewer (default: 500)',
    )
    parser.add_argument('--seed', type=at_least(0), default=0, help='of their choice and augmentation (default: 0)')
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    check_out_file(args.out, 'OUT')
    compat.apply()
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    cfg = load_config(args.config, args.cfg_options)
    check_pretrained(cfg)
    check_data_roots(cfg, 'train')
    sets = _images(cfg, args)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        network = _network(cfg)
        datasets = [DATASETS.build(images) for images in sets]
    images = min(args.samples, *map(len, datasets))
    with seeded(args.seed):
        count = anchor_norms(network.backbone, _batches(network, datasets, images))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    made_by = dict(domains=args.domains, samples=images, seed=args.seed, cfg_options=args.cfg_options or {})
    with atomic_write(args.out) as file:
        torch.save(dict(state_dict=network.backbone.state_dict(), meta=dict(anchored_to=args.config, **made_by)), file)
    whose = 'the source' if args.domains == 'source' else 'both domains'
    print(
        f'{args.out}: {count} norms remember {whose}, {images} images of each set. Use it by '
        f"model.backbone.init_cfg=dict(type='Pretrained', checkpoint='{args.out}')"
    )


def _network(cfg: Config) -> nn.Module:
    """Return the plain network with its pretrained weights, in evaluation."""
    model = MODELS.build(cfg.model)
    model.init_weights()
    network = getattr(model, 'student', model)
    network.eval()  # not chained: train() of some backbones returns None
    return network


def _images(cfg: Config, args: argparse.Namespace) -> list[dict]:
    """Return the data sets to remember: each source, then the target if it is wanted."""
    found = []
    for domain in ('source', 'target') if args.domains == 'both' else ('source',):
        images = cfg.train_dataloader.dataset.get(domain)
        if images is None:
            what = 'labelled source' if domain == 'source' else 'target'
            raise UserError(
                f'config {args.config} has no train_dataloader.dataset.{domain}: give a config with a {what}'
            )
        found += images if isinstance(images, (list, tuple)) else [images]
    return found


def _batches(network: nn.Module, datasets: list[torch.utils.data.Dataset], samples: int) -> Iterator[Tensor]:
    """Yield training views of random images, as many of each set in a batch; a progress bar goes to stderr.

    Args:
        network: Whose data preprocessor makes them inputs.
        datasets: The sets.
        samples: Images of each set, which has as many.
    """
    orders = [torch.randperm(len(dataset))[:samples].split(BATCH_SIZE) for dataset in datasets]
    for chunks in track_iter_progress(list(zip(*orders)), file=sys.stderr):
        images = [dataset[int(index)]['inputs'] for dataset, chunk in zip(datasets, chunks) for index in chunk]
        yield network.data_preprocessor(dict(inputs=images))['inputs']


@torch.no_grad()
def anchor_norms(net: nn.Module, batches: Iterable[Tensor]) -> int:
    """Rewrite the batch norms of ``net``, in place, by one pass of evaluation over ``batches``.

    Args:
        net: In evaluation mode; norms that no batch reaches stay as they are.
        batches: Inputs of ``net``, as it sees them in training.

    Returns:
        How many norms were rewritten.

    Raises:
        ValueError: ``net`` is in training mode, or has a norm of two domains or one without parameters or statistics.
    """
    norms = _plain_norms(net)
    moments: dict[nn.Module, Moments] = {}

    def record(norm: nn.Module, args: tuple[Tensor]) -> None:
        found = channel_moments(args[0].double())
        moments[norm] = joined_moments([moments[norm], found]) if norm in moments else found

    handles = [norm.register_forward_pre_hook(record) for norm in norms]
    try:
        for batch in batches:
            net(batch)
    finally:
        for handle in handles:
            handle.remove()
    for norm, seen in moments.items():
        _anchor(norm, seen)
    return len(moments)


def _anchor(norm: nn.Module, seen: Moments) -> None:
    """Rewrite one norm to the same map by other statistics ``[C]``; float64 inside."""
    scale = norm.weight.double() * (norm.running_var.double() + norm.eps).rsqrt()
    norm.bias.copy_(norm.bias.double() + scale * (seen.mean - norm.running_mean.double()))
    norm.weight.copy_(scale * (seen.var + norm.eps).sqrt())
    norm.running_mean.copy_(seen.mean)
    norm.running_var.copy_(seen.var)


def _plain_norms(net: nn.Module) -> list[nn.Module]:
    if net.training:
        raise ValueError('The network is in training mode, where its norms follow each batch: call eval() on it first.')
    norms = [module for module in net.modules() if isinstance(module, NORMS)]
    for norm in norms:
        if isinstance(norm, TwoDomainNorm) or not (norm.affine and norm.track_running_stats):
            raise ValueError(
                f'{type(norm).__name__} is no plain batch norm with parameters and running statistics: rewrite the '
                'network with BatchNorm, and exchange its norms afterwards.'
            )
    return norms


if __name__ == '__main__':
    run_tool(main)
