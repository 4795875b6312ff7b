"""What the normalisations of a two-domain batch have in common: statistics of both domains, loading, errors.

A subclass says what training makes of the two domains' moments (:meth:`TwoDomainNorm.normalizers`) and which affine map
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

from .kernels.torch_batch_norm import values_per_channel
from .recipe import Normalizer, Recipe
from .running_statistics import RunningStatistics
from .torch_norm import measure, normalize
from .triton_norm import has_triton_kernels, triton_norm

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
        """Set means to 0, variances to 1, and nothing counted."""
        if self.track_running_stats:
            for domain in DOMAINS:
                mean, var = self.running_moments(domain)
                mean.zero_()
                var.fill_(1)
            self.num_batches_tracked.zero_()

    def running_moments(self, domain: str) -> tuple[Tensor, Tensor]:
        """Return the buffers of one domain's mean and (unbiased) variance ``[C]``."""
        return getattr(self, f'running_mean_{domain}'), getattr(self, f'running_var_{domain}')

    # ---- training ----

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, ...]`` -> the same shape; in training ``[source | target]`` rows."""
        self._check_input_dim(x)
        if not self.training:
            return self.evaluate(x)
        layout = self.domain_batch(len(x))
        self._check_sizes(x, layout)
        recipe, running = self.recipe, self._running_statistics()
        if recipe is not None and has_triton_kernels(x):
            return triton_norm(x, layout.num_source, recipe, self.eps, self.weight, self.bias, running)
        by_own = recipe is not None and recipe.mixture == 'own'
        source, target = measure(x, layout.num_source, constant=by_own)
        finite = self._check_finite(source, target)
        if running is not None:
            running.move(source, target, finite)
        own_counts = (source.count, target.count) if by_own else None
        return normalize(x, layout.num_source, self.normalizers(source, target), self.eps, own_counts)

    @abstractmethod
    def normalizers(self, source: Moments, target: Moments) -> tuple[Normalizer, Normalizer]:
        """Say the norm's formula: what normalises the source and the target rows of a batch with these moments."""

    @property
    @abstractmethod
    def recipe(self) -> Recipe | None:
        """The name of that formula; None where its scale depends on the moments, with a gradient."""

    def _running_statistics(self) -> RunningStatistics | None:
        """Return what this training pass moves; None: nothing, as when a pass is recomputed that has moved them."""
        if not self.track_running_stats or is_recomputing():
            return None
        moments = (*self.running_moments('source'), *self.running_moments('target'))
        return RunningStatistics(*moments, self.num_batches_tracked, self.momentum)

    def affine_parameters(self, like: Tensor) -> tuple[Tensor, Tensor]:
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
    def _check_finite(self, source: Moments, target: Moments) -> Tensor | None:
        """Refuse NaN and infinite inputs on a CPU.

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
        """Apply one affine map to ``[B, C, ...]``; without running statistics after the batch's own normalisation."""
        scale, shift = (None if values is None else values.to(x.device) for values in self.eval_affine())
        if not self.track_running_stats:
            return F.batch_norm(x, None, None, scale, shift, True, 0.0, self.eps)
        mean, var = self.eval_moments()
        return F.batch_norm(x, mean, var, scale, shift, False, 0.0, self.eps)

    def eval_moments(self) -> tuple[Tensor, Tensor]:
        """Return mean and variance ``[C]`` that evaluation normalises with."""
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
