"""Batch norms that keep domains apart: domain-specific batch norm and AdaBN.

* :class:`DomainSpecificBatchNorm` (Chang et al., CVPR 2019): each domain has its own moments and its own
  affine map.
* :class:`AdaBN` (Li et al., Pattern Recognition 2018): training is plain batch norm over the joint batch, or
  over the source; evaluation replaces its statistics by the target's. The paper computes these in a pass over target
  images after training, in which every layer is already normalised so (:func:`adapting`, :class:`mmuda.AdaBNHook`).
  Without such a pass they are the running statistics of the target rows, which saw layers before them normalised
  otherwise: near enough in networks of few layers, useless in deep ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.domain import DomainBatch
from mmuda.domain.batch import DOMAINS
from mmuda.functional import Moments, channel_moments, joined_moments
from mmuda.registry import MODELS

from .fused_norm import Recipe
from .two_domain_norm import TwoDomainNorm


class DomainSpecificBatchNorm(TwoDomainNorm):
    """Everything once for each domain; `weight` and `bias` are ``[2, C]``, source first.

    Args:
        num_features, eps, momentum, affine, track_running_stats, eval_domain: See :class:`TwoDomainNorm`.
    """

    own_moments = True
    recipe = Recipe('own')

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        eval_domain: str = 'target',
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, eval_domain)
        if affine:
            self.weight = nn.Parameter(self.weight.detach().repeat(2, 1))
            self.bias = nn.Parameter(self.bias.detach().repeat(2, 1))

    def normalize(self, x: Tensor, layout: DomainBatch, source: Moments, target: Moments) -> Tensor:
        """Normalise each domain by its own moments, scale and shift."""
        scale, shift = self.affine_parameters(torch.stack((source.mean, target.mean)))
        return self.normalize_with(x, layout, (source, target), scale.unbind(), shift.unbind())

    def plain_affine(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the scale and shift of ``eval_domain``."""
        if not self.affine:
            return None, None
        row = DOMAINS.index(self.eval_domain)
        return self.weight[row], self.bias[row]

    def adopt_batch_norm(self, state: dict, prefix: str) -> None:
        """Give both domains a batch norm's scale and shift."""
        super().adopt_batch_norm(state, prefix)
        for key in (f'{prefix}weight', f'{prefix}bias'):
            if key in state and state[key].dim() == 1:
                state[key] = state[key].repeat(2, 1)


class AdaBN(TwoDomainNorm):
    """Batch norm in training, the target's statistics in evaluation.

    Args:
        num_features, eps, momentum, affine, track_running_stats, eval_domain: See :class:`TwoDomainNorm`.
        train_on: Whose moments normalise a training batch: ``joint`` for those of all rows, or ``source``.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        eval_domain: str = 'target',
        train_on: str = 'joint',
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, eval_domain)
        if train_on not in ('joint', 'source'):
            raise ValueError(f"train_on={train_on!r} is unknown: choose 'joint' or 'source'.")
        self.train_on = train_on
        self.adapted: int | None = None  # batches seen within `adapting`

    @property
    def recipe(self) -> Recipe:
        """Return whose moments the fused kernels take."""
        return Recipe(self.train_on)

    def evaluate(self, x: Tensor) -> Tensor:
        """As the target's running statistics say; within :func:`adapting` as the batch's, which these become."""
        if self.adapted is None or not self.track_running_stats:
            return super().evaluate(x)
        self.adapted += 1
        found = channel_moments(x.detach())
        for running, value in zip(self.running_moments('target'), (found.mean, found.unbiased_var())):
            running.lerp_(value.to(running.dtype), 1 / self.adapted)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)

    def normalize(self, x: Tensor, layout: DomainBatch, source: Moments, target: Moments) -> Tensor:
        """Normalise all rows by the moments of the joint batch, or of the source."""
        moments = source if self.train_on == 'source' else joined_moments([source, target])
        scale, shift = self.affine_parameters(source.mean)
        return self.normalize_with(x, layout, (moments, moments), (scale, scale), (shift, shift))


@contextmanager
def adapting(net: nn.Module) -> Iterator[int]:
    """Within the block each evaluation of a batch of target images is AdaBN's pass over it; gives the number of norms.

    A norm's target statistics become the mean of those of the block's batches, which should have equal sizes.
    """
    norms = [module for module in net.modules() if isinstance(module, AdaBN)]
    for norm in norms:
        norm.adapted = 0
    try:
        yield len(norms)
    finally:
        for norm in norms:
            norm.adapted = None


@MODELS.register_module()
class DomainSpecificBatchNorm1d(DomainSpecificBatchNorm, nn.BatchNorm1d):
    """:class:`DomainSpecificBatchNorm` of ``[B, C]`` or ``[B, C, L]``."""


@MODELS.register_module()
class DomainSpecificBatchNorm2d(DomainSpecificBatchNorm, nn.BatchNorm2d):
    """:class:`DomainSpecificBatchNorm` of ``[B, C, H, W]``."""


@MODELS.register_module()
class DomainSpecificBatchNorm3d(DomainSpecificBatchNorm, nn.BatchNorm3d):
    """:class:`DomainSpecificBatchNorm` of ``[B, C, D, H, W]``."""


@MODELS.register_module()
class AdaBN1d(AdaBN, nn.BatchNorm1d):
    """:class:`AdaBN` of ``[B, C]`` or ``[B, C, L]``."""


@MODELS.register_module()
class AdaBN2d(AdaBN, nn.BatchNorm2d):
    """:class:`AdaBN` of ``[B, C, H, W]``."""


@MODELS.register_module()
class AdaBN3d(AdaBN, nn.BatchNorm3d):
    """:class:`AdaBN` of ``[B, C, D, H, W]``."""
