"""State dicts of other libraries' backbones, renamed to mmseg's, mmpretrain's and our own.

Every function takes the whole state dict of one network and either maps each key or raises: a
half-understood checkpoint never loads silently. What an ImageNet classifier has on top of the backbone
(its last convolution, its classifier) is dropped by name.

Layouts: torchvision's `mobilenet_v2`; the MiT encoder as the SegFormer authors released it; Inception-BN as PyTorch's
ports of the Caffe model name it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .inception_bn import STAGES as INCEPTION_BN_STAGES

StateDict = dict[str, Tensor]

_MOBILENET_DEPTHS = (1, 2, 3, 4, 3, 3, 1)
_MIT_RENAMED = (
    (r'patch_embed(\d)\.proj\.(.+)', 'layers.{0}.0.projection.{1}'),
    (r'patch_embed(\d)\.norm\.(.+)', 'layers.{0}.0.norm.{1}'),
    (r'norm(\d)\.(.+)', 'layers.{0}.2.{1}'),
    (r'block(\d)\.(\d+)\.(norm[12]\..+)', 'layers.{0}.1.{1}.{2}'),
    (r'block(\d)\.(\d+)\.attn\.proj\.(.+)', 'layers.{0}.1.{1}.attn.attn.out_proj.{2}'),
    (r'block(\d)\.(\d+)\.attn\.((?:sr|norm)\..+)', 'layers.{0}.1.{1}.attn.{2}'),
    (r'block(\d)\.(\d+)\.mlp\.fc1\.(.+)', 'layers.{0}.1.{1}.ffn.layers.0.{2}'),
    (r'block(\d)\.(\d+)\.mlp\.dwconv\.dwconv\.(.+)', 'layers.{0}.1.{1}.ffn.layers.1.{2}'),
    (r'block(\d)\.(\d+)\.mlp\.fc2\.(.+)', 'layers.{0}.1.{1}.ffn.layers.4.{2}'),
    (r'block(\d)\.(\d+)\.attn\.q\.(.+)', 'layers.{0}.1.{1}.attn.attn.in_proj_{2}'),
)


def mobilenet_v2_from_torchvision(state: StateDict, last_conv: bool = False) -> StateDict:
    """Rename torchvision's `mobilenet_v2` → mmseg's `MobileNetV2`; mmpretrain's has `last_conv`, too."""
    modules = dict(_mobilenet_modules())
    if last_conv:
        modules |= {'features.18.0': 'conv2.conv', 'features.18.1': 'conv2.bn'}
    dropped = r'classifier\.' if last_conv else r'features\.18\.|classifier\.'
    layout = "torchvision's mobilenet_v2"

    def rename(key: str) -> str | None:
        if re.match(dropped, key):
            return None
        module, _, name = key.rpartition('.')
        if module not in modules:
            raise _unknown(key, layout)
        return f'{modules[module]}.{name}'

    if missing := modules.keys() - {key.rpartition('.')[0] for key in state}:
        raise KeyError(f'{min(missing)!r} of {layout} is missing ({len(missing)} modules in all).')
    return _renamed(state, rename)


def _mobilenet_modules() -> Iterator[tuple[str, str]]:
    """Yield every convolution and norm layer: torchvision's name, mmseg's name."""
    yield from (('features.0.0', 'conv1.conv'), ('features.0.1', 'conv1.bn'))
    blocks = [
        f'layer{layer}.{block}.conv' for layer, depth in enumerate(_MOBILENET_DEPTHS, start=1) for block in range(depth)
    ]
    for index, block in enumerate(blocks, start=1):
        last = 1 if index == 1 else 2  # the first block does not expand
        for step in range(last):
            yield f'features.{index}.conv.{step}.0', f'{block}.{step}.conv'
            yield f'features.{index}.conv.{step}.1', f'{block}.{step}.bn'
        yield f'features.{index}.conv.{last}', f'{block}.{last}.conv'
        yield f'features.{index}.conv.{last + 1}', f'{block}.{last}.bn'


def mit_from_official(state: StateDict) -> StateDict:
    """Rename the released MiT (separate `q` and `kv`, linear MLPs) → mmseg's `MixVisionTransformer`."""
    state = {key: _q_with_kv(state, key) for key in state if '.attn.kv.' not in key}

    def rename(key: str) -> str | None:
        if key.startswith('head.'):
            return None
        for pattern, target in _MIT_RENAMED:
            if match := re.fullmatch(pattern, key):
                stage, *rest = match.groups()
                return target.format(int(stage) - 1, *rest)
        raise _unknown(key, 'the MiT encoder as released with SegFormer')

    return {
        key: value[..., None, None] if _is_linear_ffn(key, value) else value
        for key, value in _renamed(state, rename).items()
    }


def inception_bn_from_caffe(state: StateDict) -> StateDict:
    """Rename `bn_inception` with Caffe's layer names (`inception_3a_1x1`, `inception_3a_1x1_bn`, …) → `InceptionBN`.

    Its convolutions have biases, which the norms behind them subtract again: here the norms' means go without.
    """
    modules = dict(_inception_bn_modules())
    layout = "bn_inception with Caffe's layer names"

    def rename(key: str) -> str | None:
        if re.match(r'(fc|last_linear)\.', key):
            return None
        layer, _, name = key.rpartition('.')
        module = layer.removesuffix('_bn')
        if module not in modules:
            raise _unknown(key, layout)
        return f'{modules[module]}.{"bn" if layer.endswith("_bn") else "conv"}.{name}'

    wanted = {f'{module}{part}' for module in modules for part in ('.weight', '_bn.running_mean', '_bn.running_var')}
    if missing := wanted - state.keys():
        raise KeyError(f'{min(missing)!r} of {layout} is missing ({len(missing)} tensors in all).')
    renamed = _renamed(state, rename)
    for module in modules.values():
        bias = renamed.pop(f'{module}.conv.bias', None)
        if bias is not None:
            renamed[f'{module}.bn.running_mean'] = renamed[f'{module}.bn.running_mean'] - bias
    return renamed


def _inception_bn_modules() -> Iterator[tuple[str, str]]:
    """Yield every convolution with its norm: Caffe's name, ours."""
    yield from (
        ('conv1_7x7_s2', 'stages.0.conv1'),
        ('conv2_3x3_reduce', 'stages.0.reduce'),
        ('conv2_3x3', 'stages.0.conv2'),
    )
    for stage, rows in enumerate(INCEPTION_BN_STAGES, start=1):
        for row, filters in rows.items():
            name, ours = f'inception_{row}', f'stages.{stage}.inception_{row}.branches'
            yield f'{name}_3x3_reduce', f'{ours}.conv3x3.0'
            yield f'{name}_3x3', f'{ours}.conv3x3.1'
            for index, step in enumerate(('reduce', '1', '2')):
                yield f'{name}_double_3x3_{step}', f'{ours}.double3x3.{index}'
            if filters.conv1x1:
                yield f'{name}_1x1', f'{ours}.conv1x1.0'
            if filters.projection:
                yield f'{name}_pool_proj', f'{ours}.pool.1'


def _renamed(state: StateDict, rename: Callable[[str], str | None]) -> StateDict:
    pairs = ((rename(key), value) for key, value in state.items())
    return {key: value for key, value in pairs if key is not None}


def _q_with_kv(state: StateDict, key: str) -> Tensor:
    """Return the packed in-projection [3C, …] for a key of `q`; any other tensor as it is."""
    if '.attn.q.' not in key:
        return state[key]
    partner = key.replace('.attn.q.', '.attn.kv.')
    if partner not in state:
        raise KeyError(
            f'The checkpoint has {key!r} but not {partner!r}: it is not the MiT encoder as released with SegFormer.'
        )
    return torch.cat([state[key], state[partner]])


def _is_linear_ffn(key: str, value: Tensor) -> bool:
    return '.ffn.layers.' in key and value.ndim == 2


def _unknown(key: str, layout: str) -> KeyError:
    return KeyError(
        f'The key {key!r} is no part of {layout}: convert another file, or strip the prefix that the key carries.'
    )
