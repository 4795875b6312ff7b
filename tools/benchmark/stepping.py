"""A config made ready for timing its training step: data in memory, and nothing beside the steps."""

from __future__ import annotations

import argparse

from mmengine.config import Config

from mmuda.apis import ToolParser, at_least


def add_arguments(parser: ToolParser) -> None:
    """Add what every benchmark of a training step asks."""
    parser.add_argument('--iters', type=at_least(1), default=20, help='measured steps')
    parser.add_argument('--warmup', type=at_least(0), default=3)
    parser.add_argument('--size', default='256x256', metavar='HxW')
    parser.add_argument('--batch', default='2+2', metavar='S+T', help='source + target images')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--threads', type=at_least(1), help="torch's threads")
    parser.add_cfg_options()


def plain_network(cfg: Config) -> Config:
    """Return the config of the network itself: the student of an adapting model."""
    return cfg.model.get('student', cfg.model)


def prepare(cfg: Config, args: argparse.Namespace, work_dir: str) -> Config:
    """Swap the data for synthetic ones and switch off what is no part of a step; the loop is the caller's."""
    network = plain_network(cfg)
    network.backbone.init_cfg = None  # a step costs the same from any weights
    cfg.train_dataloader = loader(network.decode_head.num_classes, 'student' in cfg.model, args)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator', 'test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[key] = None
    cfg.default_hooks.checkpoint = None
    cfg.param_scheduler = dict(type='ConstantLR', factor=1.0, by_epoch=False)
    cfg.work_dir, cfg.randomness, cfg.log_level = work_dir, dict(seed=args.seed), 'WARNING'
    if args.amp:
        cfg.optim_wrapper.type = 'mmuda.BFloat16OptimWrapper'
    return cfg


def num_steps(args: argparse.Namespace) -> dict:
    """Return arguments of a loop: warm-up, measured steps, and one whose memory is looked at."""
    return dict(max_iters=args.warmup + args.iters + 1, val_interval=10**9)


def loader(num_classes: int, adapts: bool, args: argparse.Namespace) -> dict:
    """Return batches of S + T images (S without adaptation) from memory, through mmuda's data set and sampler."""
    size, batch = height_width(args.size), source_target(args.batch)
    scenes = dict(type='NoiseScenes', size=size, num_classes=num_classes)
    source = dict(scenes, labels=getattr(args, 'labels', None))
    return dict(
        batch_size=sum(batch) if adapts else batch[0],
        num_workers=0,
        collate_fn=dict(type='pseudo_collate'),
        sampler=dict(type='DomainSampler', ratio=batch, seed=args.seed),
        dataset=dict(type='DomainDataset', source=source, target=dict(scenes, seed=1) if adapts else None),
    )


def height_width(text: str) -> tuple[int, int]:
    """Parse `256x512` -> (256, 512)."""
    height, width = map(int, text.split('x'))
    return height, width


def source_target(text: str) -> tuple[int, int]:
    """Parse `2+2` -> (2, 2)."""
    source, target = map(int, text.split('+'))
    return source, target
