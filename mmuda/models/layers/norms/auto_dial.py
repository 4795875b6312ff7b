"""AutoDIAL (Carlucci et al., ICCV 2017): each layer learns how far apart the domains are normalised.

Source rows are normalised with the moments of the mixture a · p_s + (1 − a) · p_t, target rows with those of
a · p_t + (1 − a) · p_s. The first are (:func:`mmuda.functional.mixed_moments`)

    mu_st = a · mu_s + (1 − a) · mu_t
    var_st = a · (var_s + (mu_s − mu_st)²) + (1 − a) · (var_t + (mu_t − mu_st)²)

At a = 1 the domains are apart, at a = ½ they share the moments of one joint batch. The affine map is shared, and
evaluation mixes the running statistics in the same way.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmuda.functional import Moments, mixed_moments
from mmuda.registry import MODELS

from .recipe import Normalizer, Recipe
from .two_domain_norm import TwoDomainNorm

LOWEST, HIGHEST = 0.5, 1.0


class AutoDIAL(TwoDomainNorm):
    """Batch normalisation with a learned share `mixing` of the own domain, between ½ and 1.

    Args:
        num_features, eps, momentum, affine, track_running_stats, eval_domain: See :class:`TwoDomainNorm`.
        initial: The share before training.
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        eval_domain: str = 'target',
        initial: float = 1.0,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, eval_domain)
        if not LOWEST <= initial <= HIGHEST:
            raise ValueError(f'initial={initial} is no share of the own domain: choose one from {LOWEST} to {HIGHEST}.')
        self.mixing = nn.Parameter(torch.tensor(float(initial)))

    @property
    def recipe(self) -> Recipe:
        """The mixture with this share."""
        return Recipe('share', self.mixing)

    def share(self) -> Tensor:
        """Return the learned share, within its bounds."""
        return _Bounded.apply(self.mixing)

    def normalizers(self, source: Moments, target: Moments) -> tuple[Normalizer, Normalizer]:
        """Return the moments of the mixture in which a domain's own have the share."""
        own = self.share().to(source.mean.dtype)
        scale, shift = self.affine_parameters(source.mean)
        pairs = ((source[:2], target[:2]), (target[:2], source[:2]))
        return tuple(Normalizer(*_mixed(own, *pair), scale, shift) for pair in pairs)

    def eval_moments(self) -> tuple[Tensor, Tensor]:
        """Return the moments of the mixture with the share of ``eval_domain``."""
        own, other = ('source', 'target') if self.eval_domain == 'source' else ('target', 'source')
        return _mixed(self.share().detach(), self.running_moments(own), self.running_moments(other))

    def adopt_batch_norm(self, state: dict, prefix: str) -> None:
        """Keep the share of this layer, of which a batch norm knows nothing."""
        super().adopt_batch_norm(state, prefix)
        state.setdefault(f'{prefix}mixing', self.mixing.detach())


def _mixed(share: Tensor, own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return mean and variance of a mixture of two domains' means and variances."""
    means, variances = (torch.stack(pair) for pair in zip(own, other))
    return mixed_moments(means, variances, torch.stack((share, 1 - share)))


class _Bounded(torch.autograd.Function):
    """Clamp to the bounds; outside, only the gradient that leads back passes (that of a clamp would be 0 for ever)."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        """Clamp the value."""
        ctx.save_for_backward(value)
        return value.clamp(LOWEST, HIGHEST)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Drop the gradient that leads further out."""
        (value,) = ctx.saved_tensors
        outwards = ((value >= HIGHEST) & (grad < 0)) | ((value <= LOWEST) & (grad > 0))
        return grad.masked_fill(outwards, 0)


@MODELS.register_module()
class AutoDIAL1d(AutoDIAL, nn.BatchNorm1d):
    """:class:`AutoDIAL` of ``[B, C]`` or ``[B, C, L]``."""


@MODELS.register_module()
class AutoDIAL2d(AutoDIAL, nn.BatchNorm2d):
    """:class:`AutoDIAL` of ``[B, C, H, W]``."""


@MODELS.register_module()
class AutoDIAL3d(AutoDIAL, nn.BatchNorm3d):
    """:class:`AutoDIAL` of ``[B, C, D, H, W]``."""
