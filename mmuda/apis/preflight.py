"""What can be known to fail before a model is built: keys without a reader, missing files, values out of range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.runner import Priority, get_priority

from mmuda import compat

from .checkpoint import check_checkpoint_file, read_checkpoint
from .errors import UserError, did_you_mean
from .paths import check_file
from .settings import check_settings
from .timm_networks import check_timm
from .tta import scales_and_flip

compat.apply()

NEEDS = dict(
    train=('model', 'train_dataloader', 'train_cfg', 'optim_wrapper'),
    test=('model', 'test_dataloader', 'test_cfg', 'test_evaluator'),
    infer=('model', 'test_dataloader'),
    select_checkpoint=('model', 'val_dataloader', 'val_cfg', 'val_evaluator'),
)
"""What a config must have for a tool."""
LOWEST = dict(
    accumulative_counts=1,
    base_batch_size=1,
    batch_size=1,
    interval=1,
    lr=0,
    max_epochs=1,
    max_iters=1,
    max_keep_ckpts=1,
    num_workers=0,
    seed=0,
    val_begin=0,
    val_interval=1,
)
"""The least value of settings, wherever they stand outside the model; -1 means 'never' or 'all' for these two:"""
TAKE_SHARES = ('mmuda.ACDAHook', 'mmuda.AdaBNHook', 'mmuda.CheckpointHook')
"""Parts whose ``interval`` may be a share of the training."""
SWITCHED_OFF_BY_MINUS_ONE = ('interval', 'max_keep_ckpts')
FREE_KEYS = dict(
    data_prefix=('img_path', 'seg_map_path'),
    dist_cfg=('backend', 'timeout', 'init_backend', 'port'),
    metainfo=('classes', 'palette'),
    test_cfg=('mode', 'crop_size', 'stride'),
)
"""Keys of dicts that are read by name, so that a misspelt one would be as good as missing."""
_ADVICE = (
    "set param_scheduler=dict(type='mmuda.WarmupPolyLR', by_epoch=False, warmup=0.0375) in the config, whose warm-up "
    'is a share of the training, or let warm-up and decay begin and end within it'
)


def check_training(cfg: Config) -> None:
    """Do all checks of a training run."""
    check_config(cfg, 'train')
    check_start(cfg, '--resume' if cfg.get('resume') else 'load_from')
    check_pretrained(cfg)
    check_schedule(cfg)
    check_data_roots(cfg, 'train', 'val')


def check_config(cfg: Config, mode: str) -> None:
    """Check the config itself: what it must have to train, test or infer, and that all keys and values are known."""
    missing = [name for name in NEEDS[mode] if cfg.get(name) is None]
    if missing:
        raise UserError(f'the config has no {", ".join(missing)}, which tools/{mode}.py needs: give a whole config')
    check_settings(cfg)
    for name, value in cfg.items():
        if name not in ('model', 'data_preprocessor', 'tta_model'):
            _check_ranges(value, name)
        _check_free_keys(value, name)
    for path, groups in _found(cfg.get('optim_wrapper'), 'custom_keys', 'optim_wrapper'):
        for name, group in _entries(groups):
            _check_names(group, ('lr_mult', 'decay_mult'), f"{path}['{name}']")
    for hooks in ('default_hooks', 'custom_hooks'):
        for path, priority in _found(cfg.get(hooks), 'priority', hooks):
            _check_priority(priority, path)
    for path, test_cfg in _found(cfg.model, 'test_cfg', 'model'):
        _check_inference(test_cfg, path)
    for path, metainfo in _found(cfg.get(f'{mode}_dataloader'), 'metainfo', f'{mode}_dataloader'):
        _check_metainfo(metainfo, path)
    if cfg.get('tta_views'):
        scales_and_flip(cfg.tta_views)


def _check_ranges(node: Any, path: str) -> None:
    """Refuse numbers that are too small to mean anything."""
    for name, value in _entries(node):
        where, lowest = f'{path}.{name}', LOWEST.get(name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        off = value == -1 and name in SWITCHED_OFF_BY_MINUS_ONE
        share = number and 0 < value < 1 and (where.endswith('checkpoint.interval') or _kind(node) in TAKE_SHARES)
        if number and lowest is not None and value < lowest and not off and not share:
            raise UserError(f'{where}={value} is too small: give {lowest} or more')
        _check_ranges(value, where)


def _kind(node: Any) -> str | None:
    return node.get('type') if isinstance(node, Mapping) else None


def _check_free_keys(node: Any, path: str) -> None:
    for name, value in _entries(node):
        _check_names(value, FREE_KEYS.get(name, ()), f'{path}.{name}')
        _check_free_keys(value, f'{path}.{name}')


def _check_names(node: Any, known: tuple[str, ...], path: str) -> None:
    """Refuse a key that is nearly one of those that are read; others may have a reader elsewhere."""
    for key in node if isinstance(node, Mapping) else ():
        if key not in known and (remedy := did_you_mean(key, known)):
            raise UserError(f"unknown config key '{path}.{key}': nothing reads it{remedy}")


def _check_priority(priority: Any, path: str) -> None:
    try:
        get_priority(priority)
    except (KeyError, ValueError, TypeError) as error:
        names = ', '.join(level.name for level in Priority)
        raise UserError(f'{path}={priority!r} is no priority: use a number from 0 to 100, or {names}') from error


def _check_inference(test_cfg: Any, path: str) -> None:
    """Check how a segmentor is evaluated."""
    mode = test_cfg.get('mode', 'whole') if isinstance(test_cfg, Mapping) else 'whole'
    if mode not in ('whole', 'slide'):
        raise UserError(f"{path}.mode='{mode}' is unknown: use 'whole' or 'slide'")
    missing = [key for key in ('crop_size', 'stride') if mode == 'slide' and not test_cfg.get(key)]
    if missing:
        raise UserError(f"{path} has mode='slide', but no {' and no '.join(missing)}: give them as (height, width)")


def _check_metainfo(metainfo: Any, path: str) -> None:
    from mmuda.datasets.class_map import check_palette

    classes, palette = (metainfo or {}).get('classes'), (metainfo or {}).get('palette')
    check_palette(palette, palette or () if classes is None else classes, path)


def _entries(node: Any) -> Iterator[tuple[str, Any]]:
    """Yield keys and values of a dict, numbers and entries of a list, nothing of anything else."""
    if isinstance(node, Mapping):
        yield from node.items()
    elif isinstance(node, (list, tuple)):
        yield from ((str(number), entry) for number, entry in enumerate(node))


def _found(node: Any, wanted: str, path: str) -> Iterator[tuple[str, Any]]:
    """Yield paths and values of all keys of a name."""
    for name, value in _entries(node):
        if name == wanted:
            yield f'{path}.{name}', value
        yield from _found(value, wanted, f'{path}.{name}')


def check_start(cfg: Config, setting: str) -> None:
    """Check the checkpoint that a run starts from; ``setting`` is where its path comes from."""
    path = cfg.get('load_from')
    if path is None or '://' in path:
        return
    check_checkpoint_file(path, f'check {setting}')
    checkpoint = read_checkpoint(path)
    if cfg.get('resume'):
        _check_resumable(checkpoint, path)


def _check_resumable(checkpoint: Mapping[str, Any], path: str) -> None:
    meta = checkpoint.get('meta') or {}
    lacking = [key for key in ('iter', 'epoch') if key not in meta]
    lacking += [key for key in ('message_hub',) if key not in checkpoint]
    if lacking:
        raise UserError(
            f'checkpoint {path} holds weights, but no state that a training could go on from (it lacks '
            f'{", ".join(lacking)}): start from the weights by --cfg-options load_from={path} instead of --resume'
        )


def check_pretrained(cfg: Config) -> None:
    """Check the weights that parts of the model are initialised from, when they are local files."""
    check_timm(cfg)
    for _, init in _found(cfg.get('model'), 'init_cfg', 'model'):
        path = init.get('checkpoint') if isinstance(init, Mapping) else None
        if path and '://' not in path:
            check_file(
                path,
                'the file of pretrained weights',
                'make them with tools/model_converters, or set the init_cfg of that part of the model to None or to '
                'another file by --cfg-options',
            )
            read_checkpoint(path)


def check_schedule(cfg: Config) -> None:
    """Check that schedulers of steps count these and begin before the end, and that a warm-up reaches the full rate."""
    last = cfg.train_cfg.get('max_iters')
    for number, scheduler in enumerate(_listed(cfg.get('param_scheduler'))):
        if not isinstance(scheduler, Mapping) or 'type' not in scheduler:
            raise UserError(f'param_scheduler[{number}]={scheduler!r} has no type: write dict(type=..., ...)')
        if not last:
            continue
        begin, end = scheduler.get('begin', 0), scheduler.get('end', last)
        name = f'param_scheduler[{number}] ({scheduler.type})'
        if scheduler.get('by_epoch', True):
            raise UserError(
                f'{name} counts epochs (by_epoch=True, the default of mmengine), but the training counts iterations, '
                'so its rate would never change: set its by_epoch=False'
            )
        if begin >= last:
            raise UserError(
                f'{name} begins at iteration {begin}, but training ends at train_cfg.max_iters={last}: {_ADVICE}'
            )
        rises = scheduler.get('start_factor', 1 / 3) < scheduler.get('end_factor', 1.0)
        if scheduler.type == 'LinearLR' and rises and not begin + 1 < end <= last:
            raise UserError(
                f'{name} warms up from iteration {begin} to {end}, but training has the iterations 0 to {last - 1} and '
                f'a warm-up takes two steps or more, so the learning rate never reaches its full value: {_ADVICE}'
            )


def check_data_roots(cfg: Config, *modes: str) -> None:
    """Check the folders of the data sets of ``train``, ``val`` or ``test``."""
    from mmuda.datasets.checks import check_data_root

    for mode in modes:
        for _, root in _found(cfg.get(f'{mode}_dataloader'), 'data_root', mode):
            check_data_root(root)


def _listed(value: Any) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
