"""Backbones of timm in a config: whether timm is there, and where their weights come from.

mmseg and mmpretrain build them by their own `TIMMBackbone`, which loads weights while it is built. Those of a local
file, in timm's names, are

    backbone=dict(type='TIMMBackbone', model_name=..., pretrained=True, pretrained_cfg_overlay=dict(file=PATH))

timm only logs what of a feature network's weights the file lacks, so it is compared with the whole network before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from mmengine.config import Config

from .checkpoint import read_state
from .errors import UserError
from .paths import check_file


def check_timm(cfg: Config) -> None:
    """Refuse networks of timm that could not be built as the config says.

    Raises:
        UserError: timm is not installed, a file of weights is missing, or there is one that nobody would read.
    """
    for path, backbone in _timm_backbones(cfg.get('model'), 'model'):
        _check_installed(path)
        file = (backbone.get('pretrained_cfg_overlay') or {}).get('file')
        if file is not None and backbone.get('pretrained') is not True:
            raise UserError(
                f'{path} has pretrained_cfg_overlay.file={file}, which is not read: set its pretrained=True'
            )
        if file is not None:
            check_file(file, f'the file of pretrained weights of {path}', 'set its pretrained_cfg_overlay.file')
            _check_weights(file, backbone.model_name, path)


def _check_weights(file: str, name: str, path: str) -> None:
    """Refuse a file that lacks a weight of the network, or has another one than a classifier's."""
    import timm

    state = read_state(file)
    net = timm.create_model(name, pretrained=False)
    classifier = net.pretrained_cfg.get('classifier') or ()
    heads = tuple(f'{head}.' for head in ([classifier] if isinstance(classifier, str) else classifier))
    own = {key: value for key, value in net.state_dict().items() if not key.endswith('num_batches_tracked')}
    wrong = [
        key
        for key in sorted(own.keys() | {key for key in state if not key.endswith('num_batches_tracked')})
        if not key.startswith(heads) and (key not in own or key not in state or own[key].shape != state[key].shape)
    ]
    if wrong:
        raise UserError(
            f'{file} is no file of the weights of {name}, which {path} is: {len(wrong)} of them are missing, of '
            f'another shape or not its own, such as {wrong[0]}; give a file in the names of timm'
        )


def without_timm_weights(cfg: Config) -> None:
    """Let timm load nothing while a model is built that a checkpoint gives its weights to.

    Raises:
        UserError: timm is not installed.
    """
    for path, backbone in _timm_backbones(cfg.get('model'), 'model'):
        _check_installed(path)
        backbone.pretrained = False
        backbone.pop('pretrained_cfg_overlay', None)


def _check_installed(path: str) -> None:
    if find_spec('timm') is None:
        raise UserError(
            f"{path} is a TIMMBackbone, but timm is not installed: pip install 'mmuda[timm]', or, where PyTorch is to "
            'stay as it is, pip install --no-deps timm'
        )


def _timm_backbones(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        if str(node.get('type', '')).split('.')[-1] == 'TIMMBackbone':
            yield path, node
        for key, value in node.items():
            yield from _timm_backbones(value, f'{path}.{key}')
