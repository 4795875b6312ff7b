"""MixStyle: mix the styles of instances, so that a network does not rely on that of its source.

Zhou et al., Domain Generalization with MixStyle (ICLR 2021). The style of an instance is the mean and the standard
deviation of each of its channels. In a training pass, with probability p, those of instance i become

    λ_i σ_i + (1 − λ_i) σ_j    and    λ_i μ_i + (1 − λ_i) μ_j,    λ_i ~ Beta(α, α)

where j is a partner drawn at random. Styles have no gradient, and the variance is the unbiased one. Evaluation
returns the input, and so does a pass that labels the batch without noise (``OwnLabels(noise=False)``).

What is drawn decides nothing on the host: a pass without mixing is one with λ = 1, which changes no bit.

Shapes: x ``[B, C, H, W]``.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmuda.domain import DomainLayer
from mmuda.functional.moments import statistics_dtype
from mmuda.registry import MODELS

MIXES = ('random', 'crossdomain')


@MODELS.register_module()
class MixStyle(DomainLayer, nn.Module):
    """Mix styles in training.

    Args:
        p: Probability that a pass mixes.
        alpha: Of the Beta distribution: small values keep most of one of the two styles.
        eps: Added to a variance.
        mix: Partners are the ``random`` permutation of a batch, or of the other domain (``crossdomain``), for which the
            layer reads the layout of the batch; a batch of one domain stays as it is.
    """

    def __init__(self, p: float = 0.5, alpha: float = 0.1, eps: float = 1e-6, mix: str = 'random') -> None:
        super().__init__()
        if not 0 <= p <= 1 or alpha <= 0:
            raise ValueError(f'MixStyle has p={p} and alpha={alpha}: give a probability p and a positive alpha.')
        if mix not in MIXES:
            raise ValueError(f'mix={mix!r} is no way to choose partners: choose one of {list(MIXES)}.')
        self.p, self.alpha, self.eps, self.mix = p, alpha, eps, mix

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` → the same shape."""
        if not self.training:
            return x
        with torch.no_grad():
            mean, std = self._style(x)
            partner, share = self._partners(x), self._shares(x)
            scale = torch.lerp(std[partner], std, share) / std
            shift = torch.lerp(mean[partner], mean, share) - mean * scale
        return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))

    def _style(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation ``[B, C, 1, 1]``, in float32 at least."""
        if x.shape[2:].numel() < 2:
            raise ValueError(
                f'MixStyle got maps of {list(x.shape[2:])} positions, which have no variance: put it after an earlier '
                'layer or give it larger images.'
            )
        var, mean = torch.var_mean(x.to(statistics_dtype(x)), (2, 3), keepdim=True)
        return mean, (var + self.eps).sqrt()

    def _shares(self, x: Tensor) -> Tensor:
        """Return λ ``[B, 1, 1, 1]``; all 1 in a pass that does not mix."""
        alpha = torch.full((2, len(x)), self.alpha, device=x.device)
        share = torch.distributions.Beta(*alpha, validate_args=False).sample().view(-1, 1, 1, 1)
        mixes = torch.rand((), device=x.device) < self.p
        return torch.where(mixes, share, 1.0).to(statistics_dtype(x))

    def _partners(self, x: Tensor) -> Tensor:
        """Return the row of each instance's partner ``[B]``."""
        if self.mix == 'random':
            return torch.randperm(len(x), device=x.device)
        layout = self.domain_batch(len(x))
        if not (layout.num_source and layout.num_target):
            return torch.arange(len(x), device=x.device)
        of_source = layout.num_source + torch.randint(layout.num_target, (layout.num_source,), device=x.device)
        of_target = torch.randint(layout.num_source, (layout.num_target,), device=x.device)
        return torch.cat((of_source, of_target))

    def extra_repr(self) -> str:
        """Return its settings."""
        return f'p={self.p}, alpha={self.alpha}, mix={self.mix!r}'
