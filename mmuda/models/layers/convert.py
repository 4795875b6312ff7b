"""Exchange the batch norms of a network for those of two domains and back; fold norms into convolutions.

Exchanging keeps parameters and running statistics. A batch norm's statistics become those of both domains; on the way
back the norm's ``eval_domain`` gives its own. Folding keeps the outputs of evaluation instead.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.domain.batch import DOMAINS
from mmuda.domain.context import announce_followers

from .norms import (
    AdaBN1d,
    AdaBN2d,
    AdaBN3d,
    AutoDIAL1d,
    AutoDIAL2d,
    AutoDIAL3d,
    DomainSpecificBatchNorm1d,
    DomainSpecificBatchNorm2d,
    DomainSpecificBatchNorm3d,
    TransNorm1d,
    TransNorm2d,
    TransNorm3d,
    TwoDomainNorm,
    check_domain,
)

FAMILIES = {
    'BN': (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
    'TransNorm': (TransNorm1d, TransNorm2d, TransNorm3d),
    'DomainSpecificBatchNorm': (DomainSpecificBatchNorm1d, DomainSpecificBatchNorm2d, DomainSpecificBatchNorm3d),
    'AdaBN': (AdaBN1d, AdaBN2d, AdaBN3d),
    'AutoDIAL': (AutoDIAL1d, AutoDIAL2d, AutoDIAL3d),
}
FOLDABLE = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
STEPS = ('drop', 'act')
"""What timm's norms that activate run behind themselves, in this order."""


class NormAct(nn.Sequential):
    """A norm, then what timm's norm in its place runs behind itself; the state of such a norm loads into it."""

    def __init__(self, norm: nn.Module, steps: dict[str, nn.Module]) -> None:
        super().__init__(OrderedDict(norm=norm, **steps))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        known = [name for name in state_dict if name.startswith(prefix) and '.' not in name[len(prefix) :]]
        for name in known:
            state_dict[f'{prefix}norm.{name[len(prefix) :]}'] = state_dict.pop(name)
        super()._load_from_state_dict(state_dict, prefix, *args)


def convert_norm(net: nn.Module, type: str, **options) -> nn.Module:
    """Exchange every batch norm and two-domain norm of ``net``, in place.

    Args:
        net: The network. If it is a norm itself, only the returned module is the new one.
        type: A family, ``BN``, ``TransNorm``, ``DomainSpecificBatchNorm``, ``AdaBN`` or ``AutoDIAL``; the rank of
            each norm stays, and of two domains' norms the domain of evaluation.
        options: Further arguments of the new norms; without any, norms of the family stay as they are.

    Raises:
        ValueError: An unknown family.
        TypeError: A batch norm of another kind, such as a SyncBatchNorm, or one with modules of its own but for those
            of timm's norms that activate, which become a :class:`NormAct`.

    Warns:
        UserWarning: A ReLU6 follows a norm that doubles its outputs, see :class:`TransNorm`.
    """
    if type not in FAMILIES:
        raise ValueError(f'type={type!r} is no family of norms: choose one of {list(FAMILIES)}.')
    net = _replace_norms(net, lambda norm: _convert(norm, FAMILIES[type], options))
    announce_followers(net)
    return net


def fuse(layer: nn.Module, norm: nn.Module) -> nn.Module:
    """Fold the evaluation of ``norm`` into the convolution or linear ``layer`` before it, in place: -> ``layer``."""
    scale, shift = _eval_map(norm)
    with torch.no_grad():
        bias = shift if layer.bias is None else shift + scale * layer.bias
        layer.weight.mul_(scale.view(-1, *[1] * (layer.weight.dim() - 1)))
        layer.bias = nn.Parameter(bias.to(layer.weight.dtype))
    return layer


def fuse_norms(net: nn.Module) -> nn.Module:
    """Fold every two-domain norm of ``net`` away, in place, for evaluation and export.

    A norm that was registered right after a convolution of as many channels is taken for the one that follows it, as
    in mmcv's `fuse_conv_bn`; any other becomes a plain batch norm with the same outputs in evaluation.
    """
    for module in list(net.modules()):
        previous = None
        for name, child in module.named_children():
            if isinstance(child, TwoDomainNorm) and _fits(previous, child):
                fuse(previous, child)
                setattr(module, name, nn.Identity())
            previous = child
    return _replace_norms(net, _folded)


def set_eval_domain(net: nn.Module, domain: str) -> None:
    """Evaluate every two-domain norm of ``net`` as for ``source`` or for ``target`` images."""
    check_domain(domain)
    for norm in net.modules():
        if isinstance(norm, TwoDomainNorm):
            norm.eval_domain = domain


@contextmanager
def evaluated_as(net: nn.Module, domain: str) -> Iterator[None]:
    """Let every two-domain norm evaluate images of ``domain`` within the block; afterwards those of before."""
    before = [(norm, norm.eval_domain) for norm in net.modules() if isinstance(norm, TwoDomainNorm)]
    set_eval_domain(net, domain)
    try:
        yield
    finally:
        for norm, own in before:
            norm.eval_domain = own


def _replace_norms(net: nn.Module, new: Callable[[_BatchNorm], nn.Module]) -> nn.Module:
    if isinstance(net, _BatchNorm):
        return new(net)
    for name, child in net.named_children():
        setattr(net, name, _replace_norms(child, new))
    return net


def _convert(norm: _BatchNorm, family: tuple[type[_BatchNorm], ...], options: dict) -> nn.Module:
    kind = family[_rank(norm)]
    if type(norm) is kind and not options:
        return norm
    steps = dict(norm.named_children())
    if steps:
        return _convert_with_steps(norm, steps, family, options)
    if isinstance(norm, TwoDomainNorm) and issubclass(kind, TwoDomainNorm):
        options = dict(eval_domain=norm.eval_domain) | options
    new = kind(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats, **options)
    new.load_state_dict(norm.state_dict() if type(norm) is kind else _batch_norm_state(norm))
    if isinstance(norm, TwoDomainNorm) and isinstance(new, TwoDomainNorm):
        _copy_domains(norm, new)
    return _as(new, norm)


def _convert_with_steps(norm: _BatchNorm, steps: dict, family: tuple, options: dict) -> nn.Module:
    """Convert a norm that also runs its children, such as timm's BatchNormAct2d."""
    if not set(steps) <= set(STEPS):
        raise TypeError(
            f'The network has a {_name(norm)} that holds {", ".join(map(_name, steps.values()))}, which an exchange '
            'would lose: build the network with norms and what follows them apart.'
        )
    plain = FAMILIES['BN'][_rank(norm)](
        norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
    )
    plain.load_state_dict(norm.state_dict())
    new = _convert(_as(plain, norm), family, options)
    steps = {name: steps[name] for name in STEPS if not isinstance(steps.get(name, nn.Identity()), nn.Identity)}
    return NormAct(new, steps).train(norm.training) if steps else new


def _name(module: nn.Module) -> str:
    return module.__class__.__name__


def _copy_domains(old: TwoDomainNorm, new: TwoDomainNorm) -> None:
    """Copy the domain context and both domains' running statistics, which a batch norm cannot hold."""
    new.domain_context = old.domain_context
    if old.track_running_stats:
        for domain in DOMAINS:
            for value, kept in zip(new.running_moments(domain), old.running_moments(domain)):
                value.copy_(kept)


def _as(new: _BatchNorm, old: _BatchNorm) -> _BatchNorm:
    """Put ``new`` where ``old`` is, frozen as it is."""
    tensors = [*old.parameters(), *old.buffers()]
    if tensors:
        new.to(tensors[0].device, next(tensor.dtype for tensor in tensors if tensor.is_floating_point()))
    trainable = old.weight is None or old.weight.requires_grad
    return new.requires_grad_(trainable).train(old.training)


def _rank(norm: _BatchNorm) -> int:
    for rank, kind in enumerate(FAMILIES['BN']):
        if isinstance(norm, kind):
            return rank
    raise TypeError(
        f'The network has a {type(norm).__name__}, which has no counterpart for two domains: convert it to '
        'BatchNorm1d, 2d or 3d first (mmengine.model.revert_sync_batchnorm).'
    )


def _batch_norm_state(norm: _BatchNorm) -> dict[str, Tensor]:
    """Return the state dict as that of a plain batch norm."""
    state = {name: value.clone() for name, value in norm.state_dict().items()}
    if not isinstance(norm, TwoDomainNorm):
        return state
    own: dict[str, Tensor] = {}
    if norm.track_running_stats:
        own['running_mean'], own['running_var'] = (value.clone() for value in norm.running_moments(norm.eval_domain))
        own['num_batches_tracked'] = state['num_batches_tracked']
    if norm.affine:
        own['weight'], own['bias'] = (values.detach().clone() for values in norm.plain_affine())
    return own


def _folded(norm: _BatchNorm) -> _BatchNorm:
    if not isinstance(norm, TwoDomainNorm):
        return norm
    new = FAMILIES['BN'][_rank(norm)](norm.num_features, norm.eps, norm.momentum)
    scale, shift = _eval_map(norm)
    with torch.no_grad():
        new.running_var.fill_(1 - norm.eps)
        new.weight.copy_(scale)
        new.bias.copy_(shift)
    return _as(new, norm)


def _fits(layer: nn.Module | None, norm: TwoDomainNorm) -> bool:
    return isinstance(layer, FOLDABLE) and len(layer.weight) == norm.num_features


def _eval_map(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """Return the evaluation of a norm as x · scale + shift, ``[C]`` each, without gradient."""
    if not norm.track_running_stats:
        raise ValueError(
            f'{type(norm).__name__} has no running statistics, so its evaluation is no fixed map that can be folded: '
            'build it with track_running_stats=True.'
        )
    two_domains = isinstance(norm, TwoDomainNorm)
    mean, var = norm.eval_moments() if two_domains else (norm.running_mean, norm.running_var)
    scale, shift = norm.eval_affine() if two_domains else (norm.weight, norm.bias)
    inv_std = (var + norm.eps).rsqrt()
    scale = inv_std if scale is None else scale * inv_std
    return scale.detach(), (-mean * scale if shift is None else shift - mean * scale).detach()
