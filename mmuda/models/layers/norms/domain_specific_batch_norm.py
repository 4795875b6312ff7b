"""Domain-specific batch normalization (Chang et al., CVPR 2019).

    x̂_d = (x_d − mu_d) / sqrt(var_d + eps)      y_d = gamma_d · x̂_d + beta_d

for each domain d: its own moments and its own affine map. Evaluation takes those of one domain, the target.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmuda.domain import DOMAINS
from mmuda.functional import Moments
from mmuda.registry import MODELS

from .recipe import Normalizer, Recipe
from .two_domain_norm import TwoDomainNorm


class DomainSpecificBatchNorm(TwoDomainNorm):
    """Everything once for each domain; `weight` and `bias` are ``[2, C]``, source first.

    Args:
        num_features, eps, momentum, affine, track_running_stats, eval_domain: See :class:`TwoDomainNorm`.
    """

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

    def normalizers(self, source: Moments, target: Moments) -> tuple[Normalizer, Normalizer]:
        """Return each domain's own moments, scale and shift."""
        scales, shifts = self.affine_parameters(torch.stack((source.mean, target.mean)))
        parts = zip((source, target), scales, shifts)
        return tuple(Normalizer(part.mean, part.var, scale, shift) for part, scale, shift in parts)

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


@MODELS.register_module()
class DomainSpecificBatchNorm1d(DomainSpecificBatchNorm, nn.BatchNorm1d):
    """:class:`DomainSpecificBatchNorm` of ``[B, C]`` or ``[B, C, L]``."""


@MODELS.register_module()
class DomainSpecificBatchNorm2d(DomainSpecificBatchNorm, nn.BatchNorm2d):
    """:class:`DomainSpecificBatchNorm` of ``[B, C, H, W]``."""


@MODELS.register_module()
class DomainSpecificBatchNorm3d(DomainSpecificBatchNorm, nn.BatchNorm3d):
    """:class:`DomainSpecificBatchNorm` of ``[B, C, D, H, W]``."""
