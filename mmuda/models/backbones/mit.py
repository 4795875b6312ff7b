"""Mix Vision Transformer (MiT, the SegFormer encoder) without materialised attention weights.

Xie et al., SegFormer (NeurIPS 2021), https://arxiv.org/abs/2105.15203. It is mmseg's
`MixVisionTransformer` with the same parameters under the same names and, in evaluation, the same
outputs to the bit. In training they are the same up to rounding; what differs is how they are computed:

* attention runs through `F.scaled_dot_product_attention`; mmseg asks `nn.MultiheadAttention` for
  the weights, which writes a [B, heads, N, M] tensor and its mean and keeps them for the backward;
* the 1×1 convolutions of a Mix-FFN take the faster of torch's kernels on a CPU;
* activation checkpointing (`with_cp`) is the non-reentrant one.

Shapes: B images, N = H·W tokens of a stage, C channels.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmuda import compat

compat.apply()

from mmseg.models.backbones import mit as mmseg_mit

from mmuda.domain import domain_checkpoint
from mmuda.registry import MODELS

from ..layers import EfficientAttention, make_pointwise


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
        make_pointwise(self.ffn)
        self.with_cp = host.with_cp

    def _forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        x = self.attn(self.norm1(x), hw_shape, identity=x)
        return self.ffn(self.norm2(x), hw_shape, identity=x)

    def forward(self, x: Tensor, hw_shape: tuple[int, int]) -> Tensor:
        """Map [B, N, C] -> [B, N, C]."""
        if not (self.with_cp and x.requires_grad):
            return self._forward(x, hw_shape)
        context = getattr(self.attn, 'domain_context', None)
        if context is None:
            return checkpoint(self._forward, x, hw_shape, use_reentrant=False)
        return domain_checkpoint(self._forward, x, hw_shape, context=context)


@MODELS.register_module()
class MixVisionTransformer(mmseg_mit.MixVisionTransformer):
    """mmseg's `MixVisionTransformer` (same arguments, same state dict), lean.

    A subclass changes the attention of chosen stages by overriding `build_attention`.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        _replace_layers(self, self.build_attention)

    def build_attention(self, stage: int, host: mmseg_mit.EfficientMultiheadAttention) -> nn.Module:
        """Build the attention of every block of `stage` (0 to 3), on the parameters of `host`."""
        return EfficientAttention(host)


def make_lean(network: nn.Module) -> None:
    """Let each `MixVisionTransformer` of mmseg in a network compute its layers as ours does; parameters stay."""
    for module in network.modules():
        if isinstance(module, mmseg_mit.MixVisionTransformer) and not isinstance(module, MixVisionTransformer):
            _replace_layers(module, lambda stage, host: EfficientAttention(host))


def _replace_layers(
    mit: mmseg_mit.MixVisionTransformer,
    build_attention: Callable[[int, mmseg_mit.EfficientMultiheadAttention], nn.Module],
) -> None:
    for stage, (_, blocks, _) in enumerate(mit.layers):
        for index, host in enumerate(blocks):
            blocks[index] = EncoderLayer(host, build_attention(stage, host.attn))
