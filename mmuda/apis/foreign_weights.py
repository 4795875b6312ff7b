"""Weights of other code bases, for another number of classes or of a smaller network, as a start for a model.

Whole segmentors of DAFormer, HRDA and MIC are renamed. Of a backbone alone an error names what to do with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

ROLES = {'model.': 'student', 'ema_model.': 'teacher', 'imnet_model.': None}
"""Prefixes of DAFormer's networks, and what they are here; the ImageNet encoder is made anew."""

BACKBONES = {
    'features.0.0.weight': (
        "torchvision's mobilenet_v2",
        'torchvision2mmseg.py (for mmpretrain: torchvision2mmpretrain.py)',
    ),
    'patch_embed1.proj.weight': ('the MiT encoder as released with SegFormer', 'mit2mmseg.py'),
    'conv1_7x7_s2.weight': ("bn_inception with Caffe's layer names", 'caffe2mmuda.py'),
    'layer1.0.conv1.weight': ('a ResNet with the names of torchvision and timm', None),
}
"""A key by which a backbone alone is known: whose it is, and its converter, None where it needs none."""

ADDED_PARTS = ('neck.', 'auxiliary_head.', 'backbone.beside.', 'backbone.after.')
"""What a network may have beyond the one that it starts from."""


def translate(model: nn.Module, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Return weights of DAFormer's code base in the names of ``model``, and what to say about it; others stay as they
    are.
    """
    prefixed = any(key.startswith('model.backbone.') for key in state)
    parts = _by_network(model, state) if prefixed else {'': state}
    if not prefixed and not any('patch_embed1.' in key or 'embed_layers.' in key for key in state):
        return state, []
    found = {f'{name}{key}': value for name, part in parts.items() for key, value in _renamed(part).items()}
    names = ', '.join(name.rstrip('.') for name in parts if name) or 'the network'
    return found, [f"the names are those of DAFormer's code base: its weights are read as {names}"]


def _by_network(model: nn.Module, state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Return each network's weights under the prefix that it has in ``model``; a plain network gets the student's."""
    networks = getattr(model, 'NETWORKS', None)
    parts = {}
    for prefix, role in ROLES.items():
        part = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        if networks is None and role == 'student':
            parts[''] = part
        elif part and networks is not None and role in networks:
            parts[f'{role}.'] = part
    return parts


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return one network of DAFormer's code base: its encoder and its heads."""
    from mmuda.models.backbones.key_mapping import mit_from_official
    from mmuda.models.heads.key_mapping import daformer_head_from_official

    encoder = {key.removeprefix('backbone.'): value for key, value in state.items() if key.startswith('backbone.')}
    rest = {key: value for key, value in state.items() if not key.startswith('backbone.')}
    if any(key.startswith('patch_embed1.') for key in encoder):
        encoder = mit_from_official(encoder)
    return {f'backbone.{key}': value for key, value in encoder.items()} | daformer_head_from_official(rest)


def keep_classifier(model: nn.Module, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Return weights for another number of classes, with the model's own classifier in the place of theirs.

    They are left as they are where anything but the first dimension of some heads differs: that is another model.
    """
    own, named = model.state_dict(), _as_student(model, state)
    other = [key for key in named.keys() & own.keys() if named[key].shape != own[key].shape]
    heads = sorted(key for key in other if not key.startswith('terms.'))
    counts = {(len(named[key]), len(own[key])) for key in heads if named[key].ndim and own[key].ndim}
    if len(counts) != 1 or not all(_is_classifier(key, named[key], own[key]) for key in heads):
        return state, []
    ((before, now),) = counts
    return named | {key: own[key] for key in other}, [
        f'it is for {before} classes and the model for {now}: all is loaded but the classifier ({", ".join(heads)})'
    ]


def keep_added_parts(model: nn.Module, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Return weights of a network without some of :data:`ADDED_PARTS`, with the model's own parts in their place."""
    own, named = model.state_dict(), _as_student(model, state)
    kept: dict[str, Tensor] = {}
    for part in ADDED_PARTS:
        for role in [f'{name}.' for name in getattr(model, 'NETWORKS', ())] or ['']:
            known = any(key.startswith(role) for key in named)
            if known and not any(key.startswith(f'{role}{part}') for key in named):
                kept |= {key: value for key, value in own.items() if key.startswith(f'{role}{part}')}
    if not kept:
        return state, []
    names = [part.rstrip('.') for part in ADDED_PARTS if any(f'.{part}' in f'.{key}' for key in kept)]
    return named | kept, [f'it has no {" and no ".join(names)}: these layers start as they are initialised']


def _as_student(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give weights of a plain network the names of a UDA model's student."""
    if hasattr(model, 'NETWORKS') and not any(key.startswith('student.') for key in state):
        return {f'student.{key}': value for key, value in state.items()}
    return state


def _is_classifier(key: str, found: Tensor, own: Tensor) -> bool:
    return 'head' in key and found.shape[1:] == own.shape[1:]


def backbone_advice(state: Mapping[str, Tensor]) -> str:
    """Tell what to do with the weights of a backbone alone; '' for any others."""
    for key, (layout, converter) in BACKBONES.items():
        if key in state:
            convert = f'convert them with tools/model_converters/{converter} and ' if converter else ''
            return (
                f"; these are the weights of a backbone alone, {layout}: {convert}set the backbone's "
                "init_cfg=dict(type='Pretrained', checkpoint=...) instead"
            )
    return ''
