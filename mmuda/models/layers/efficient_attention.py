"""Multi-head attention with spatial reduction (SegFormer, Xie et al., NeurIPS 2021, Sec. 3.1), on mmseg's parameters.

In training it runs through `F.scaled_dot_product_attention`, so no [B, heads, N, M] tensor of weights is written and
kept. In evaluation it is mmseg's layer to the bit, unless `exact` is False: an exported graph of that layer would hold
for images of one size.

Shapes: B images, N = H·W tokens, M = ⌊H/r⌋·⌊W/r⌋ reduced tokens (r: `sr_ratio`), C channels, d = C / heads.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class EfficientAttention(nn.Module):
    """Self-attention whose keys and values come from a spatially reduced copy of the tokens.

    It takes over the sub-modules of mmseg's layer, so the parameters keep their names
    (`attn.in_proj_weight`, `attn.out_proj.weight`, `sr.weight`, `norm.weight`, …).

    Args:
        host: An mmseg `EfficientMultiheadAttention`, whose parameters and dropouts are used.
    """

    exact = True

    def __init__(self, host: nn.Module) -> None:
        super().__init__()
        self.num_heads = host.num_heads
        self.sr_ratio = host.sr_ratio
        self.attn = host.attn
        self.proj_drop = host.proj_drop
        self.dropout_layer = host.dropout_layer
        if self.sr_ratio > 1:
            self.sr = host.sr
            self.norm = host.norm

    def reduce(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Return the tokens that keys and values are made of: [B, N, C] -> [B, M, C]."""
        if self.sr_ratio == 1:
            return x
        maps = x.transpose(1, 2).unflatten(2, hw_shape)  # [B, C, H, W]
        return self.norm(self.sr(maps).flatten(2).transpose(1, 2).contiguous())

    def project(self, x: Tensor, x_kv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map [B, N, C], [B, M, C] -> q [B, heads, N, d], k and v [B, heads, M, d]."""
        channels = x.shape[-1]
        w_q, w_kv = self.attn.in_proj_weight.split([channels, 2 * channels])
        b_q = b_kv = None
        if self.attn.in_proj_bias is not None:
            b_q, b_kv = self.attn.in_proj_bias.split([channels, 2 * channels])
        q = F.linear(x, w_q, b_q).unflatten(-1, (self.num_heads, -1))
        k, v = F.linear(x_kv, w_kv, b_kv).unflatten(-1, (2, self.num_heads, -1)).unbind(2)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Return the softmax attention per head: -> [B, heads, N, d]."""
        return F.scaled_dot_product_attention(q, k, v, dropout_p=self.attn.dropout if self.training else 0.0)

    def attend_exactly(self, x: Tensor, x_kv: Tensor) -> Tensor:
        """Attend by mmseg's own arithmetic, in evaluation, so that scores are its scores to the bit: -> [B, N, C]."""
        query, key = x.transpose(0, 1), x_kv.transpose(0, 1)
        return self.attn(query, key, key, average_attn_weights=False)[0].transpose(0, 1)

    def forward(self, x: Tensor, hw_shape: tuple[int, int], identity: Tensor | None = None) -> Tensor:
        """Return `identity` (default: `x`) plus the attention's output, [B, N, C]."""
        x_kv = self.reduce(x, hw_shape)
        if self.training or not self.exact:
            out = self.attend(*self.project(x, x_kv), hw_shape).transpose(1, 2).flatten(2)
            out = self.attn.out_proj(out)
        else:
            out = self.attend_exactly(x, x_kv)
        return (x if identity is None else identity) + self.dropout_layer(self.proj_drop(out))
