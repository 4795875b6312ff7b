"""Transferable Normalization (Wang et al., NeurIPS 2019), Alg. 1.

    x̂_d = (x_d − mu_d) / sqrt(var_d + eps)      z_d = gamma · x̂_d + beta      y_d = (1 + alpha) · z_d

for each domain d, Eqs. 3, 4 and 7; alpha, Eqs. 5 and 6, is what :func:`mmuda.functional.transferability` makes of the
two domains' moments. In evaluation the target's running statistics normalise, and alpha comes from the running
statistics of both domains.

Where the paper is silent, the released layer decides: alpha has no gradient, and the variance inside the distance is
the unbiased one. Since alpha is 1 on average, 1 + alpha doubles what batch norm would give; before a ReLU6 that is a
loss, and binding a network's context says so.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from mmuda.functional import Moments, transferability
from mmuda.functional.channel_distance import check_transferability
from mmuda.registry import MODELS

from .recipe import Normalizer, Recipe
from .two_domain_norm import TwoDomainNorm

RESIDUALS = ('one_plus_alpha', 'alpha', 'none')


class TransNorm(TwoDomainNorm):
    """Batch normalisation by domain, whose channels weigh as much as they are transferable; any rank.

    Without running statistics evaluation has one batch and no second domain to differ from: alpha is 1.

    Args:
        num_features, eps, momentum, affine, track_running_stats, eval_domain: See :class:`TwoDomainNorm`.
        distance, probability: See :func:`mmuda.functional.transferability`; ``distance='none'`` is alpha = 1.
        detach_alpha: Whether alpha is a constant for the backward pass.
        unbiased: Whether a training batch's distance takes the unbiased variance, or the biased one of Alg. 1.
        residual: What z is multiplied with: ``one_plus_alpha`` (Eq. 7), ``alpha``, or ``none`` for 1.
        legacy_uniform_init: Draw gamma from U(0, 1), as the released layer does, in place of ones.
    """

    legacy_uniform_init = False

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        distance: str = 'normalized_mean',
        probability: str = 'student_t',
        detach_alpha: bool = True,
        unbiased: bool = True,
        residual: str = 'one_plus_alpha',
        eval_domain: str = 'target',
        legacy_uniform_init: bool = False,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, eval_domain)
        check_transferability(distance, probability)
        if residual not in RESIDUALS:
            raise ValueError(f'residual={residual!r} is unknown: choose one of {list(RESIDUALS)}.')
        self.distance = distance
        self.probability = probability
        self.detach_alpha = detach_alpha
        self.unbiased = unbiased
        self.residual = residual
        self.legacy_uniform_init = legacy_uniform_init
        self.reset_parameters()

    @property
    def recipe(self) -> Recipe | None:
        """Own moments and the gain of alpha, as long as that is a constant."""
        if not self.detach_alpha:
            return None
        return Recipe(
            'own',
            residual=self.residual,
            distance=self.distance,
            probability=self.probability,
            unbiased=self.unbiased,
        )

    def followed_by(self, follower: nn.Module) -> None:
        """Warn of a ReLU6, which cuts off what 1 + alpha has doubled: what that costs stands in configs/transnorm."""
        if isinstance(follower, nn.ReLU6) and self.residual == 'one_plus_alpha':
            warnings.warn(
                f"{type(self).__name__} with residual='one_plus_alpha' stands before a ReLU6, which cuts off at 6 what "
                "1 + alpha has doubled: set residual='alpha' beside its type.",
                stacklevel=2,
            )

    def reset_parameters(self) -> None:
        """Reset statistics and affine map to those of the beginning."""
        super().reset_parameters()
        if self.affine and self.legacy_uniform_init:
            nn.init.uniform_(self.weight)

    def normalizers(self, source: Moments, target: Moments) -> tuple[Normalizer, Normalizer]:
        """Return each domain's own moments, Eq. 3; gamma and beta, Eq. 4, both times 1 + alpha, Eq. 7."""
        var_s, var_t = (part.unbiased_var() if self.unbiased else part.var for part in (source, target))
        alpha = self._alpha(source.mean, var_s, target.mean, var_t)
        gain = self._gain(alpha.detach() if self.detach_alpha else alpha)
        scale, shift = (gain * values for values in self.affine_parameters(gain))
        return Normalizer(source.mean, source.var, scale, shift), Normalizer(target.mean, target.var, scale, shift)

    def eval_affine(self) -> tuple[Tensor, Tensor]:
        """Return gamma and beta, times 1 + alpha."""
        gain = self._gain(self.alpha())
        return tuple((gain * values).to(values.dtype) for values in self.affine_parameters(gain))

    @torch.no_grad()
    def alpha(self) -> Tensor:
        """Return the transferability of each channel ``[C]``, of the running statistics."""
        if not self.track_running_stats:
            like = self.weight if self.affine else torch.empty(self.num_features)
            return torch.ones_like(like)
        moments = (*self.running_moments('source'), *self.running_moments('target'))
        return self._alpha(*(value.to(torch.promote_types(value.dtype, torch.float32)) for value in moments))

    def _alpha(self, *moments: Tensor) -> Tensor:
        return transferability(*moments, eps=self.eps, distance=self.distance, probability=self.probability)

    def _gain(self, alpha: Tensor) -> Tensor:
        if self.residual == 'none':
            return torch.ones_like(alpha)
        return 1 + alpha if self.residual == 'one_plus_alpha' else alpha

    def extra_repr(self) -> str:
        """Return the settings."""
        return (
            f'{super().extra_repr()}, distance={self.distance}, probability={self.probability}, '
            f'residual={self.residual}, eval_domain={self.eval_domain}'
        )


@MODELS.register_module()
class TransNorm1d(TransNorm, nn.BatchNorm1d):
    """:class:`TransNorm` of ``[B, C]`` or ``[B, C, L]``."""


@MODELS.register_module()
class TransNorm2d(TransNorm, nn.BatchNorm2d):
    """:class:`TransNorm` of ``[B, C, H, W]``."""


@MODELS.register_module()
class TransNorm3d(TransNorm, nn.BatchNorm3d):
    """:class:`TransNorm` of ``[B, C, D, H, W]``."""
