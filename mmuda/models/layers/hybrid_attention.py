"""The hybrid-attention layer of STCT: in training the tokens of a pair of images attend to both domains' keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmuda.domain import DomainBatch, DomainLayer
from mmuda.functional import hybrid_attention, key_groups
from mmuda.functional.attention import check_options

from .efficient_attention import EfficientAttention


class HybridAttention(DomainLayer, EfficientAttention):
    """Multi-head hybrid attention (STCT, Sec. 3.2) on the parameters of plain self-attention.

    In evaluation, and in a teacher, it *is* mmseg's plain self-attention, to the bit: one domain is there, and no label
    to group by.

    Args:
        host: An mmseg `EfficientMultiheadAttention`, whose parameters and dropouts are used.
        stage: Which of the layout's groups are its own.
        direction, intra_ratio, implementation: See :func:`mmuda.functional.hybrid_attention`.
        majority: Group a key by most of the queries that it stands for, see :func:`mmuda.functional.key_groups`.
    """

    def __init__(
        self,
        host: nn.Module,
        stage: int = 0,
        direction: str = 'both',
        intra_ratio: float = 0.5,
        implementation: str = 'auto',
        majority: bool = False,
    ) -> None:
        super().__init__(host)
        check_options(direction, intra_ratio, implementation)
        self.stage = stage
        self.direction = direction
        self.intra_ratio = intra_ratio
        self.implementation = implementation
        self.majority = majority

    def attend(self, q: Tensor, k: Tensor, v: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Attend by hybrid attention of ``[source | target]`` in training, plainly else: -> [B, heads, N, d]."""
        if not self.training:
            return super().attend(q, k, v, hw_shape)
        return self._hybrid(q, k, v, hw_shape, self.attn.dropout)

    @torch.no_grad()
    def cross_domain_mass(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Return the share of attention that goes to the other domain, averaged over an image's queries and heads: [B].

        It is the attention's output for values that are 1 on the target's keys and 0 on the source's.

        Args:
            x: The layer's input ``[B, N, C]``.
            hw_shape: Its grid.
        """
        q, k, _ = self.project(x, self.reduce(x, hw_shape))
        layout = self.domain_batch(len(x))
        is_target = torch.zeros_like(k)
        layout.split(is_target)[1].fill_(1)
        share = self._hybrid(q, k, is_target, hw_shape)[..., 0].mean((1, 2))
        source, target = layout.split(share)
        return torch.cat((source, 1 - target))

    def token_groups(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Map the stage's bool ``[B, H, W]`` → groups of the queries ``[B, N]`` and of the keys ``[B, M]``."""
        return maps.flatten(1), key_groups(maps, self.sr_ratio, self.majority).flatten(1)

    def _hybrid(self, q: Tensor, k: Tensor, v: Tensor, hw_shape: tuple[int, int], dropout_p: float = 0.0) -> Tensor:
        layout = self.domain_batch(len(q))
        options = (self.direction, self.intra_ratio, self.implementation, dropout_p)
        if layout.groups is None:
            return hybrid_attention(q, k, v, layout, None, None, *options)
        maps = self._own_map(layout, hw_shape)
        plan = None if layout.plans is None else layout.plans[self.stage]
        if isinstance(plan, Tensor) or (plan is not None and not torch.compiler.is_compiling()):
            return hybrid_attention(q, k, v, layout, None, None, *options, plan=plan)
        return hybrid_attention(q, k, v, layout, *self.token_groups(maps), *options)

    def _own_map(self, layout: DomainBatch, hw_shape: tuple[int, int]) -> Tensor:
        shapes = [tuple(maps.shape) for maps in layout.groups]
        if self.stage >= len(shapes) or shapes[self.stage] != (len(layout), *hw_shape):
            raise ValueError(
                f'The domain layout has groups of shapes {shapes}, but stage {self.stage} works on '
                f'{(len(layout), *hw_shape)}: draw them for these inputs, as UDAModel and DomainContextHook do.'
            )
        return layout.groups[self.stage]
