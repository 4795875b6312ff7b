"""The norms of two domains as tests train them: every kind, batches, and what one training pass gives."""

import copy
from collections.abc import Callable

import torch
from torch import nn

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import AdaBN2d, AutoDIAL2d, DomainSpecificBatchNorm2d, TransNorm2d

KINDS = {
    'TransNorm': TransNorm2d,
    'TransNorm, alpha with gradient': lambda *a, **k: TransNorm2d(*a, detach_alpha=False, **k),
    'DSBN': DomainSpecificBatchNorm2d,
    'AdaBN': AdaBN2d,
    'AdaBN, source': lambda *a, **k: AdaBN2d(*a, train_on='source', **k),
    'AutoDIAL': lambda *a, **k: AutoDIAL2d(*a, initial=0.8, **k),
}
SOURCE, TARGET = 2, 3
BATCH_NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
SHAPES = {1: (7,), 2: (4, 5), 3: (2, 3, 2)}  # behind the channels


def bound(norm: nn.Module, source: int = SOURCE, target: int = TARGET) -> nn.Module:
    """With random parameters, ready for a batch."""
    for parameter in norm.parameters():
        if parameter.dim():
            nn.init.uniform_(parameter, 0.5, 1.5)
    bind_domain_context(norm).set(DomainBatch(source, target))
    return norm


def batch(*shape: int, dtype=torch.float32, source: int = SOURCE) -> torch.Tensor:
    """Two domains that differ in mean and spread, channel by channel."""
    x = torch.randn(*(shape or (5, 6, 4, 5)), dtype=dtype)
    x[source:] *= torch.linspace(0.5, 2, x.shape[1], dtype=dtype).view(-1, *[1] * (x.dim() - 2))
    x[source:] += torch.linspace(-1, 3, x.shape[1], dtype=dtype).view(-1, *[1] * (x.dim() - 2))
    return x


def trained(norm: nn.Module, x: torch.Tensor, run: Callable | None = None):
    """Output, input gradient, parameter gradients and buffers of one training pass."""
    norm, x = copy.deepcopy(norm).train(), x.clone().requires_grad_()
    y = (run or (lambda net, x: net(x)))(norm, x)
    weight = torch.sin(torch.arange(y.numel(), dtype=torch.float64)).to(y.dtype).view_as(y)
    (y * weight).sum().backward()
    gradients = {name: parameter.grad for name, parameter in norm.named_parameters()}
    return y.detach(), x.grad, gradients, dict(norm.named_buffers())


def gradient(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Of a loss of ``y`` that is no line."""
    return torch.autograd.grad((y * y.cos()).sum(), x)[0]
