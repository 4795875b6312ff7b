"""Mix Vision Transformer (MiT, the SegFormer encoder) without materialised attention weights.

Xie et al., SegFormer (NeurIPS 2021), https://arxiv.org/abs/2105.15203. It is mmseg's
`MixVisionTransformer` with the same parameters under the same names and the same outputs up to
rounding; what differs is how they are computed:

* attention runs through `F.scaled_dot_product_attention`; mmseg asks `nn.MultiheadAttention` for
  the weights, which writes a [B, heads, N, M] tensor and its mean and keeps them for the backward;
* activation checkpointing (`with_cp`) is the non-reentrant one.

Attention is a class of its own with three steps to override: `reduce`, `project` and `attend`.

Shapes: B images, N = H·W tokens of a stage, M = ⌊H/r⌋·⌊W/r⌋ reduced tokens (r: `sr_ratio`),
C channels, d = C / heads.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmuda import compat

compat.apply()

from mmseg.models.backbones import mit as mmseg_mit
from mmseg.models.utils import nchw_to_nlc, nlc_to_nchw

from mmuda.registry import MODELS


class EfficientAttention(nn.Module):
    """Self-attention whose keys and values come from a spatially reduced copy of the tokens.

    It takes over the sub-modules of mmseg's layer, so the parameters keep their names
    (`attn.in_proj_weight`, `attn.out_proj.weight`, `sr.weight`, `norm.weight`, …).

    Args:
        host: The mmseg layer whose parameters and dropouts are used.
    """

    def __init__(self, host: mmseg_mit.EfficientMultiheadAttention) -> None:
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
        """The tokens that keys and values are made of: [B, N, C] -> [B, M, C]."""
        if self.sr_ratio == 1:
            return x
        return self.norm(nchw_to_nlc(self.sr(nlc_to_nchw(x, hw_shape))))

    def project(self, x: Tensor, x_kv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, N, C], [B, M, C] -> q [B, heads, N, d], k and v [B, heads, M, d]."""
        channels = x.shape[-1]
        w_q, w_kv = self.attn.in_proj_weight.split([channels, 2 * channels])
        b_q = b_kv = None
        if self.attn.in_proj_bias is not None:
            b_q, b_kv = self.attn.in_proj_bias.split([channels, 2 * channels])
        q = F.linear(x, w_q, b_q).unflatten(-1, (self.num_heads, -1))
        k, v = F.linear(x_kv, w_kv, b_kv).unflatten(-1, (2, self.num_heads, -1)).unbind(2)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Softmax attention per head: -> [B, heads, N, d]."""
        dropout = self.attn.dropout if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)

    def forward(self, x: Tensor, hw_shape: tuple[int, int], identity: Tensor | None = None) -> Tensor:
        """`identity` (default: `x`) plus the attention's output, [B, N, C]."""
        out = self.attend(*self.project(x, self.reduce(x, hw_shape)))
        out = self.attn.out_proj(out.transpose(1, 2).flatten(2))
        return (x if identity is None else identity) + self.dropout_layer(self.proj_drop(out))


class EncoderLayer(nn.Module):
    """Attention and Mix-FFN, each behind a layer norm and around a residual path.

    Args:
        host: The mmseg layer whose sub-modules are used.
        attention: What takes the place of its attention.
    """

    def __init__(self, host: mmseg_mit.TransformerEncoderLayer, attention: nn.Module) -> None:
        super().__init__()
        self.norm1 = host.norm1
        self.attn = attention
        self.norm2 = host.norm2
        self.ffn = host.ffn
        self.with_cp = host.with_cp

    def _forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        x = self.attn(self.norm1(x), hw_shape, identity=x)
        return self.ffn(self.norm2(x), hw_shape, identity=x)

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """[B, N, C] -> [B, N, C]."""
        if self.with_cp and x.requires_grad:
            return checkpoint(self._forward, x, hw_shape, use_reentrant=False)
        return self._forward(x, hw_shape)


@MODELS.register_module()
class MixVisionTransformer(mmseg_mit.MixVisionTransformer):
    """mmseg's `MixVisionTransformer` (same arguments, same state dict) with lean attention.

    A subclass changes the attention of chosen stages by overriding `build_attention`.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for stage, (_, blocks, _) in enumerate(self.layers):
            for index, host in enumerate(blocks):
                blocks[index] = EncoderLayer(host, self.build_attention(stage, host.attn))

    def build_attention(self, stage: int, host: mmseg_mit.EfficientMultiheadAttention) -> nn.Module:
        """The attention of every block of `stage` (0 to 3), on the parameters of `host`."""
        return EfficientAttention(host)
