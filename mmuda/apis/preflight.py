"""What can be known to fail before a model is built: missing files, a schedule that begins after the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmuda import compat

from .errors import UserError

compat.apply()


def check_training(cfg: Config) -> None:
    """All checks of a training run."""
    check_start(cfg, '--resume' if cfg.get('resume') else 'load_from')
    check_pretrained(cfg)
    check_schedule(cfg)
    check_data_roots(cfg, 'train', 'val')


def check_start(cfg: Config, setting: str) -> None:
    """The checkpoint that a run starts from; ``setting`` is where its path comes from."""
    path = cfg.get('load_from')
    if path is not None and '://' not in path and not Path(path).is_file():
        raise UserError(f'checkpoint {path} does not exist: check {setting}')


def check_pretrained(cfg: Config) -> None:
    """The weights that parts of the model are initialised from, when they are local files."""
    for init in _values(cfg.get('model'), 'init_cfg'):
        path = init.get('checkpoint') if isinstance(init, Mapping) else None
        if path and '://' not in path and not Path(path).is_file():
            raise UserError(
                f'the pretrained weights {path} do not exist: make them with tools/model_converters, or set the '
                'init_cfg of that part of the model to None or to another file by --cfg-options'
            )


def check_schedule(cfg: Config) -> None:
    """Every scheduler of an iteration-based run begins before training ends."""
    last = cfg.train_cfg.get('max_iters')
    for number, scheduler in enumerate(_listed(cfg.get('param_scheduler'))):
        begin = scheduler.get('begin', 0)
        if last and not scheduler.get('by_epoch', True) and begin >= last:
            raise UserError(
                f'param_scheduler[{number}] ({scheduler.type}) begins at iteration {begin}, but training ends at '
                f'train_cfg.max_iters={last}: shorten the warm-up too, for example by --cfg-options '
                f'param_scheduler.0.end={max(1, last // 20)} param_scheduler.1.begin={max(1, last // 20)}'
            )


def check_data_roots(cfg: Config, *modes: str) -> None:
    """The folders of the data sets of ``train``, ``val`` or ``test``."""
    from mmuda.datasets.checks import check_data_root

    for mode in modes:
        for root in _values(cfg.get(f'{mode}_dataloader'), 'data_root'):
            check_data_root(root)


def _listed(value: Any) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _values(node: Any, key: str) -> Iterator[Any]:
    """All values under ``key`` in nested dicts and lists."""
    if isinstance(node, Mapping):
        if key in node:
            yield node[key]
        for value in node.values():
            yield from _values(value, key)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from _values(value, key)
