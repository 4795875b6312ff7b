"""Adaptive batch normalization (AdaBN; Li et al., Pattern Recognition 2018).

Training is plain batch norm over the joint batch, or over the source; evaluation replaces its statistics by the
target's. The paper's Alg. 1 computes these in a pass over target images after training, in which every layer is already
normalised so (:func:`adapting`, :class:`mmuda.AdaBNHook`): mean and variance of all values of the pass, to which each
batch adds as in its Eq. 2. Without such a pass they are the running statistics of the target rows, which saw layers
before them normalised otherwise: near enough in networks of few layers, useless in deep ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.functional import Moments, channel_moments, joined_moments
from mmuda.registry import MODELS

from .recipe import Normalizer, Recipe
from .two_domain_norm import TwoDomainNorm


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
        self.adapted: int | None = None  # values a channel that were seen within `adapting`

    @property
    def recipe(self) -> Recipe:
        """Whose moments normalise a training batch."""
        return Recipe(self.train_on)

    def evaluate(self, x: Tensor) -> Tensor:
        """Normalise by the target's running statistics; within :func:`adapting` by the batch's, which these become."""
        if self.adapted is None or not self.track_running_stats:
            return super().evaluate(x)
        self._take_in(channel_moments(x.detach()))
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)

    def _take_in(self, found: Moments) -> None:
        """Make the target's statistics those of all values of the block so far."""
        if found.count < 2:
            raise ValueError(
                f'{type(self).__name__} takes statistics of a batch of one value per channel, which has no variance: '
                'give the pass larger batches, as AdaBNHook does with a larger batch_size and more target images.'
            )
        mean, var = self.running_moments('target')
        seen, self.adapted = self.adapted, self.adapted + found.count
        if seen:
            past = (value.to(found.mean.dtype) for value in (mean, var * ((seen - 1) / seen)))
            found = joined_moments([Moments(*past, seen), found])
        mean.copy_(found.mean)
        var.copy_(found.unbiased_var())

    def normalizers(self, source: Moments, target: Moments) -> tuple[Normalizer, Normalizer]:
        """Return the moments of the joint batch, or of the source, for all rows."""
        moments = source if self.train_on == 'source' else joined_moments([source, target])
        shared = Normalizer(moments.mean, moments.var, *self.affine_parameters(source.mean))
        return shared, shared


@contextmanager
def adapting(net: nn.Module) -> Iterator[int]:
    """Make each evaluation of a batch of target images AdaBN's pass over it within the block; give the number of norms.

    A norm's target statistics become those of all values that it sees in the block, whatever the sizes of the batches.
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
class AdaBN1d(AdaBN, nn.BatchNorm1d):
    """:class:`AdaBN` of ``[B, C]`` or ``[B, C, L]``."""


@MODELS.register_module()
class AdaBN2d(AdaBN, nn.BatchNorm2d):
    """:class:`AdaBN` of ``[B, C, H, W]``."""


@MODELS.register_module()
class AdaBN3d(AdaBN, nn.BatchNorm3d):
    """:class:`AdaBN` of ``[B, C, D, H, W]``."""
