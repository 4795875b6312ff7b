"""What the normalisations of a two-domain batch have in common: statistics of both domains, loading, errors.

A subclass says what training makes of the two domains' moments (:meth:`TwoDomainNorm.normalize`) and which affine map
evaluation is (:meth:`TwoDomainNorm.eval_moments`, :meth:`TwoDomainNorm.eval_affine`).

Each is a `_BatchNorm`, so that rules about norms (weight decay, freezing) see it, and its parameters have batch norm's
names. (An `init_cfg` finds it as `BatchNorm2d`, not as `_BatchNorm`: mmengine looks at direct bases alone.) There is no
`running_mean`, though: whoever asks for it means a layer of one domain.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda.domain import DomainBatch, DomainLayer
from mmuda.domain.batch import DOMAINS
from mmuda.domain.checkpoint import is_recomputing
from mmuda.functional import Moments
from mmuda.processes import num_ranks

from .fused_norm import Recipe, Statistics, fused_norm, has_fused_kernels
from .norm_passes import Pair, measure, moments_of_all_ranks, normalize, normalize_by_own, values_per_channel

STATISTICS = ('running_mean', 'running_var')


class TwoDomainNorm(DomainLayer, _BatchNorm):
    """Base of TransNorm, domain-specific batch norm, AdaBN and AutoDIAL.

    In training it reads the domain layout of the batch ``[source | target]``; domains may differ in size. Under an
    initialised process group the moments are those of all processes. In evaluation all inputs are of ``eval_domain``.
    Without running statistics evaluation normalises with the moments of its own batch.

    Args:
        num_features: C, channels.
        eps: Added to a variance under the root.
        momentum: Share of the batch in a running statistic; None: all batches weigh the same.
        affine: Whether scale and shift are learned.
        track_running_stats: Whether there are running statistics.
        eval_domain: ``target`` or ``source``, whose statistics evaluation uses.
    """

    own_moments = False  # whether each domain is normalised with its own moments, and nothing else depends on these

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        eval_domain: str = 'target',
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats=False)
        check_domain(eval_domain)
        self.eval_domain = eval_domain
        self.track_running_stats = track_running_stats
        for name in STATISTICS:
            delattr(self, name)
            for domain in DOMAINS:
                self.register_buffer(f'{name}_{domain}', torch.empty(num_features) if track_running_stats else None)
        if track_running_stats:
            self.register_buffer('num_batches_tracked', torch.tensor(0, dtype=torch.long))
        self.reset_running_stats()

    def __getattr__(self, name: str) -> Any:
        if name in STATISTICS:
            kind = type(self).__name__
            raise AttributeError(
                f'{kind} has {name}_source and {name}_target but no {name}, so nothing made for batch norm can convert '
                f'or fold it: remove sync_bn (or convert_sync_batchnorm) from a training, since {kind} synchronises '
                'its processes by itself, and fold with mmuda.models.layers.fuse_norms.'
            )
        return super().__getattr__(name)

    def reset_running_stats(self) -> None:
        """Means 0, variances 1, nothing counted."""
        if self.track_running_stats:
            for domain in DOMAINS:
                mean, var = self.running_moments(domain)
                mean.zero_()
                var.fill_(1)
            self.num_batches_tracked.zero_()

    def running_moments(self, domain: str) -> Pair:
        """The buffers of one domain's mean and (unbiased) variance ``[C]``."""
        return getattr(self, f'running_mean_{domain}'), getattr(self, f'running_var_{domain}')

    # ---- training ----

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, ...]`` -> the same shape; in training ``[source | target]`` rows."""
        self._check_input_dim(x)
        if not self.training:
            return self.evaluate(x)
        layout = self.domain_batch(len(x))
        self._check_sizes(x, layout)
        recipe = self.recipe
        if recipe is not None and has_fused_kernels(x):
            return self._fused(x, layout, recipe)
        source, target = moments_of_all_ranks(*measure(x, layout.num_source, self.own_moments))
        self._track(source, target, self._check_finite(source, target))
        return self.normalize(x, layout, source, target)

    def _fused(self, x: Tensor, layout: DomainBatch, recipe: Recipe) -> Tensor:
        """The same in a few kernels, the running statistics included."""
        moving = self.track_running_stats and not is_recomputing()
        statistics = (
            [*self.running_moments('source'), *self.running_moments('target'), self.num_batches_tracked]
            if moving
            else None
        )
        mixing = self.mixing if recipe.mixture == 'share' else None
        return fused_norm(
            x,
            layout.num_source,
            recipe,
            self.eps,
            self.momentum,
            self.weight,
            self.bias,
            mixing,
            Statistics(*statistics) if moving else None,
        )

    @property
    @abstractmethod
    def recipe(self) -> Recipe | None:
        """What :meth:`normalize` computes, for the fused kernels; None: what they do not know."""

    @abstractmethod
    def normalize(self, x: Tensor, layout: DomainBatch, source: Moments, target: Moments) -> Tensor:
        """The training pass of a batch whose domains have these moments."""

    def normalize_with(
        self, x: Tensor, layout: DomainBatch, moments: tuple[Moments, Moments], scale: Pair, shift: Pair
    ) -> Tensor:
        """Normalise source and target rows with moments, scale and shift ``[C]`` of their own."""
        function = normalize_by_own if self.own_moments else normalize
        shift = tuple(values.to(part.mean.dtype) for values, part in zip(shift, moments))  # of a norm in half precision
        return function(x, layout.num_source, moments, scale, shift, self.eps)

    def affine_parameters(self, like: Tensor) -> Pair:
        """Scale and shift ``[C]``: 1 and 0 where none are learned."""
        if self.affine:
            return self.weight, self.bias
        return torch.ones_like(like), torch.zeros_like(like)

    def _check_sizes(self, x: Tensor, layout: DomainBatch) -> None:
        values = values_per_channel(x)
        wanted = 1 if num_ranks() > 1 else 2
        for domain, rows in zip(DOMAINS, (layout.num_source, layout.num_target)):
            if rows * values < wanted:
                raise ValueError(
                    f'{type(self).__name__} is training with {rows} {domain} samples of {values} values per channel, '
                    f'which have no variance: give each training batch more {domain} samples, as '
                    "sampler=dict(type='mmuda.DomainSampler') does with a larger batch_size."
                )

    @torch.no_grad()
    def _track(self, source: Moments, target: Moments, finite: Tensor | None) -> None:
        """Move the running statistics, unless the same rows did so in the pass that is being recomputed."""
        if not self.track_running_stats or is_recomputing():
            return
        self.num_batches_tracked.add_(1)
        share = self.momentum
        if share is None:
            share = (1 / self.num_batches_tracked).to(self.running_mean_source.dtype)
        for domain, part in zip(DOMAINS, (source, target)):
            for running, value in zip(self.running_moments(domain), (part.mean, part.unbiased_var())):
                if finite is not None:
                    value = torch.where(finite, value, running)
                running.lerp_(value.to(running.dtype), share)

    @torch.no_grad()
    def _check_finite(self, source: Moments, target: Moments) -> Tensor | None:
        """NaN and infinite inputs are an error on a CPU.

        On other devices, where asking would stop the stream in every layer, and under `torch.compile`, such a channel
        leaves its running statistics as they are and is NaN in the output: the result says which channels are finite.
        """
        finite = torch.isfinite(source.var + target.var)
        if not finite.is_cpu or torch.compiler.is_compiling():
            return finite
        if finite.all():
            return None
        raise FloatingPointError(
            f'{type(self).__name__} got NaN or infinite values in {int((~finite).sum())} of {len(finite)} channels of '
            'a training batch: look for the layer or image that they come from, or lower the learning rate.'
        )

    # ---- evaluation ----

    def evaluate(self, x: Tensor) -> Tensor:
        """One affine map of ``[B, C, ...]``; without running statistics after the batch's own normalisation."""
        scale, shift = (None if values is None else values.to(x.device) for values in self.eval_affine())
        if not self.track_running_stats:
            return F.batch_norm(x, None, None, scale, shift, True, 0.0, self.eps)
        mean, var = self.eval_moments()
        return F.batch_norm(x, mean, var, scale, shift, False, 0.0, self.eps)

    def eval_moments(self) -> Pair:
        """Mean and variance ``[C]`` that evaluation normalises with."""
        return self.running_moments(self.eval_domain)

    def eval_affine(self) -> tuple[Tensor | None, Tensor | None]:
        """Scale and shift ``[C]`` of evaluation, after normalisation."""
        return self.plain_affine()

    def plain_affine(self) -> tuple[Tensor | None, Tensor | None]:
        """Scale and shift ``[C]`` as batch norm would have them."""
        return self.weight, self.bias

    # ---- loading ----

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        self.adopt(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def adopt(self, state: dict, prefix: str) -> None:
        """Leave own entries of ``state`` as they are; those of a plain batch norm become statistics of both domains."""
        plain = f'{prefix}running_mean' in state or not self.track_running_stats
        if plain and f'{prefix}running_mean_source' not in state:
            self.adopt_batch_norm(state, prefix)

    def adopt_batch_norm(self, state: dict, prefix: str) -> None:
        """Turn batch norm's entries of ``state`` into this layer's, in place."""
        for name in STATISTICS:
            value = state.pop(prefix + name, None)
            if value is not None and self.track_running_stats:
                state.update({f'{prefix}{name}_{domain}': value for domain in DOMAINS})


def check_domain(name: str) -> None:
    """Refuse an unknown domain of evaluation."""
    if name not in DOMAINS:
        raise ValueError(f'eval_domain={name!r} is no domain: choose one of {list(DOMAINS)}.')
