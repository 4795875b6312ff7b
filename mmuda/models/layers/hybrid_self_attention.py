"""Hybrid attention (STCT) for plain vision transformers, whose tokens stay on one grid behind a class token."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mmuda.domain import DomainLayer
from mmuda.functional import hybrid_attention


class HybridSelfAttention(DomainLayer, nn.Module):
    """Multi-head hybrid attention (STCT, Sec. 3.2) on the parameters of plain self-attention.

    In evaluation, and in a teacher, it *is* mmpretrain's layer, to the bit.

    Args:
        host: An mmpretrain `MultiheadAttention`, whose parameters and dropouts are used.
        direction, intra_ratio: See :func:`mmuda.functional.hybrid_attention`.
    """

    def __init__(self, host: nn.Module, direction: str = 'both', intra_ratio: float = 0.5) -> None:
        super().__init__()
        self.num_heads = host.num_heads
        self.attn_drop = host.attn_drop
        self.qkv = host.qkv
        self.proj = host.proj
        self.proj_drop = host.proj_drop
        self.out_drop = host.out_drop
        self.gamma1 = host.gamma1
        self.direction = direction
        self.intra_ratio = intra_ratio

    def forward(self, x: Tensor) -> Tensor:
        """Map [B, N, C] → [B, N, C], of a training batch ``[source | target]``."""
        q, k, v = self.qkv(x).unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        out = self._attend(q, k, v) if self.training else F.scaled_dot_product_attention(q, k, v)
        out = self.proj(out.transpose(1, 2).flatten(2))
        return self.out_drop(self.gamma1(self.proj_drop(out)))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        layout = self.domain_batch(len(q))
        plan = None if layout.plans is None else layout.plans[0]
        if plan is not None and plan.shape[:2] != q.shape[:3:2]:
            raise ValueError(
                f'The domain layout has groups for {list(plan.shape[:2])} images and tokens, but the layer works on '
                f'{list(q.shape[:3:2])}: draw them for these inputs, as UDAModel and DomainContextHook do.'
            )
        options = (self.direction, self.intra_ratio, 'masked', self.attn_drop)
        return hybrid_attention(q, k, v, layout, None, None, *options, plan=plan)
