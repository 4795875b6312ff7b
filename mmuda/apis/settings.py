"""Every key of a config has a reader and a value of its kind: checked before anything is built.

A typed dict is compared with the signature of what its ``type`` names, a part of the runner's own settings with the
function that reads it. What a constructor hands on to code that cannot be followed is left to the build.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mmengine import registry as root
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope, Registry
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, LogProcessor, Runner, TestLoop, ValLoop
from mmengine.visualization import Visualizer
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
from torch.utils.data import DataLoader

from mmuda import compat, registry

from .errors import UserError, did_you_mean
from .signatures import Signature, signature_of

compat.apply()

SECTIONS = dict(
    model=registry.MODELS,
    data_preprocessor=registry.MODELS,
    tta_model=registry.MODELS,
    train_dataloader=registry.DATASETS,
    val_dataloader=registry.DATASETS,
    test_dataloader=registry.DATASETS,
    tta_pipeline=registry.TRANSFORMS,
    optim_wrapper=registry.OPTIM_WRAPPERS,
    param_scheduler=registry.PARAM_SCHEDULERS,
    train_cfg=registry.LOOPS,
    val_cfg=registry.LOOPS,
    test_cfg=registry.LOOPS,
    val_evaluator=registry.METRICS,
    test_evaluator=registry.METRICS,
    default_hooks=registry.HOOKS,
    custom_hooks=registry.HOOKS,
    visualizer=registry.VISUALIZERS,
    log_processor=registry.LOG_PROCESSORS,
)
"""Top-level keys whose typed dicts are built, and the registry of their types."""
INNER = dict(
    pipeline=registry.TRANSFORMS,
    transforms=registry.TRANSFORMS,
    sampler=registry.DATA_SAMPLERS,
    batch_sampler=registry.DATA_SAMPLERS,
    optimizer=registry.OPTIMIZERS,
    vis_backends=registry.VISBACKENDS,
)
"""Keys below which types are of another registry; not in models, whose parts may be called anything."""
TAKEN_BEFORE = dict(
    default_hooks={'priority'},
    custom_hooks={'priority'},
    param_scheduler={'convert_to_iter_based'},
    optim_wrapper={'constructor', 'paramwise_cfg', 'optimizer'},
    dataloader={'dataset', 'num_batch_per_epoch'},
    init_cfg={'override'},
    model={'pretrained'},
)
"""Keys that a builder reads before it calls the constructor, by the section or the key of the dict."""
PARAMWISE = (
    'custom_keys',
    'bias_lr_mult',
    'bias_decay_mult',
    'norm_decay_mult',
    'dwconv_decay_mult',
    'dcn_offset_lr_mult',
    'flat_decay_mult',
    'bypass_duplicate',
)
"""What mmengine's constructor of optimizers reads."""
COMPILE = ('backend', 'dynamic', 'fullgraph', 'mode', 'options')
"""What `torch.compile` takes besides what it compiles."""
TAKEN_APART = ('_cfg', 'plugins', 'dcn', 'policies')
"""Ends of keys in models and pipelines whose dicts a host takes apart before it builds something of them."""
OF_ALBUMENTATIONS = {'Albu': 'transforms', 'Albumentations': 'transforms'}
"""Where a transform of a host has those of another library, which no registry knows."""
SURELY = 0.85
"""How near a key must be to a known one to be taken for its misspelling where others may have a reader, too."""
Reader = Callable | Iterable[str]


def check_settings(cfg: Config) -> None:
    """Refuse keys that nobody reads and values of another kind.

    Raises:
        UserError: the first one found, by its path.
    """
    plain = cfg.to_dict()
    _check_values(plain, '', signature_of(Runner))
    level = plain.get('log_level') or 'INFO'
    if not isinstance(logging.getLevelName(level), int):
        raise UserError(f"log_level='{level}' is no level of logging: use DEBUG, INFO, WARNING or ERROR")
    for path, part, reader in _plain_parts(plain):
        if part is not None:
            _check_keys(part, path, reader, TAKEN_BEFORE['dataloader'] if path.endswith('dataloader') else set())
    scope = plain.get('default_scope') or 'mmengine'
    if importlib.util.find_spec(scope) is None:
        raise UserError(f"default_scope='{scope}' is no library here: use mmuda, mmseg, mmpretrain or mmengine")
    with DefaultScope.overwrite_default_scope(scope):
        for section, kinds in SECTIONS.items():
            _walk(plain.get(section), section, kinds, None)


def _plain_parts(cfg: Mapping[str, Any]) -> Iterator[tuple[str, Any, Reader]]:
    """Yield dicts without a type: their paths, and the function that reads them or the keys that are read."""
    for mode in ('train', 'val', 'test'):
        yield f'{mode}_dataloader', cfg.get(f'{mode}_dataloader'), DataLoader
    yield 'randomness', cfg.get('randomness'), Runner.set_randomness
    yield 'auto_scale_lr', cfg.get('auto_scale_lr'), ('enable', 'base_batch_size')
    if not isinstance(cfg.get('compile'), bool):
        yield 'compile', cfg.get('compile'), COMPILE
    environment = cfg.get('env_cfg')
    yield 'env_cfg', environment, ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')
    yield 'env_cfg.mp_cfg', (environment or {}).get('mp_cfg'), ('mp_start_method', 'opencv_num_threads')
    yield from _optimizer_parts(cfg.get('optim_wrapper') or {})


def _optimizer_parts(wrapper: Mapping[str, Any]) -> Iterator[tuple[str, Any, Reader]]:
    clip = wrapper.get('clip_grad')
    by_value = isinstance(clip, Mapping) and clip.get('type') == 'value'
    yield 'optim_wrapper.clip_grad', clip, clip_grad_value_ if by_value else clip_grad_norm_
    constructor = str(wrapper.get('constructor', 'DefaultOptimWrapperConstructor')).rpartition('.')[2]
    if constructor not in ('DefaultOptimWrapperConstructor', 'UDAOptimWrapperConstructor'):
        return  # it has settings of its own
    yield 'optim_wrapper.paramwise_cfg', wrapper.get('paramwise_cfg'), PARAMWISE


def _walk(node: Any, path: str, kinds: Registry, scope: str | None) -> None:
    """Check all typed dicts at and below a node."""
    if isinstance(node, (list, tuple)):
        for number, entry in enumerate(node):
            _walk(entry, f'{path}.{number}', kinds, scope)
    if not isinstance(node, Mapping):
        return
    scope = node.get('_scope_', scope)
    section, _, key = path.partition('.')[0], *path.rpartition('.')[1:]
    apart = kinds in (registry.MODELS, registry.TRANSFORMS) and path.rstrip('.0123456789').endswith(TAKEN_APART)
    target = None if apart else _target(node, path, kinds, scope)
    if target is not None:
        _check_keys(node, path, target, TAKEN_BEFORE.get(key, set()) | TAKEN_BEFORE.get(section, set()))
    for name, value in node.items():
        if OF_ALBUMENTATIONS.get(getattr(target, '__name__', None)) == name:
            continue
        inner = kinds if section == 'model' else INNER.get(name, kinds)
        _walk(value, f'{path}.{name}', registry.WEIGHT_INITIALIZERS if name == 'init_cfg' else inner, scope)


def _target(node: Mapping[str, Any], path: str, kinds: Registry, scope: str | None) -> Callable | None:
    """Tell what the node's type names; None where that is not to be found, which is for the build to say."""
    kind = node.get('type')
    if kind is None:
        return _default_target(node, path)
    if not isinstance(kind, str):
        return kind if callable(kind) else None
    with kinds.switch_scope_and_registry(scope) as found:
        return found.get(kind) or _found_elsewhere(kind, path, kinds, scope)


def _found_elsewhere(kind: str, path: str, kinds: Registry, scope: str | None) -> Callable | None:
    """Find the type of another sort than its place suggests, such as a function that collates.

    Raises:
        UserError: No registry has it. What a model is made of is left to the build, which knows its registry.
    """
    if kinds in (registry.MODELS, registry.WEIGHT_INITIALIZERS):
        return None
    for other in vars(root).values():
        if isinstance(other, Registry):
            with other.switch_scope_and_registry(scope) as found:
                if (target := found.get(kind)) is not None:
                    return target
    raise UserError(
        f"unknown type '{kind}' in the {kinds.name} registry at {path}: check its spelling and its scope (ours are "
        "'mmuda.<Name>', those of mmsegmentation 'mmseg.<Name>')"
    )


def _default_target(node: Mapping[str, Any], path: str) -> Callable | None:
    section, _, name = path.partition('.')
    if section in ('default_hooks', 'custom_hooks') and name and '.' not in name:
        raise UserError(f"{path} has no type: name the hook, or mend the spelling of '{name}'")
    by_epoch = node.get('by_epoch', True)
    defaults = dict(
        train_cfg=EpochBasedTrainLoop if by_epoch else IterBasedTrainLoop,
        val_cfg=ValLoop,
        test_cfg=TestLoop,
        optim_wrapper=OptimWrapper,
        log_processor=LogProcessor,
        visualizer=Visualizer,
    )
    return defaults.get(path)


def _check_keys(node: Any, path: str, reader: Reader, taken: set[str]) -> None:
    """Refuse keys beside those that the reader takes, and values of another kind than its parameters."""
    if not isinstance(node, Mapping):
        raise UserError(f'{path}={node!r} is no dict: write {path}=dict(...)')
    signature = signature_of(reader) if callable(reader) else Signature(dict.fromkeys(reader))
    known = [name for name in signature.parameters if name not in ('self', 'parameters')] + sorted(taken)
    for key in node:
        moved = getattr(reader, 'moved_key', lambda _: None)(key)
        if moved:
            raise UserError(f"config key '{path}.{key}' is called '{path}.{moved}' now: set that")
        unheard = key not in {*known, 'type', '_scope_', 'by_epoch'}
        if unheard and (signature.complete or did_you_mean(key, known, SURELY)):
            owner = getattr(reader, '__name__', path) if 'type' in node else path
            raise UserError(
                f"unknown config key '{path}.{key}' for {owner}: it takes {', '.join(known)}{did_you_mean(key, known)}"
            )
    _check_values(node, f'{path}.', signature)


def _check_values(node: Mapping[str, Any], prefix: str, signature: Signature) -> None:
    for key, value in node.items():
        if isinstance(value, str) and key != 'type' and signature.refuses_text(key):
            raise UserError(f'{prefix}{key}={value!r} is text: give a number, or true or false where it is a switch')
