"""The DAFormer head: context-aware fusion of all encoder levels.

Hoyer et al., DAFormer (CVPR 2022), https://arxiv.org/abs/2111.14887: every level is embedded
linearly to `embed_dims` channels, upsampled to the finest level and concatenated; a depth-wise
separable ASPP without image pooling and a bottleneck fuse them. The paper's prose leaves the
bottleneck's kernel open; the 3.7 M parameters it counts for this head are met by 3×3 (3.71 M) and
not by 1×1 (1.61 M), so it is 3×3.

Where it differs: the outputs are those of the plain formulas up to rounding, computed faster.
* The 1×1 branch A of the ASPP is linear in the embeddings W_i x_i + b_i, and a 1×1 convolution
  commutes with a resize, so A · cat_i(up(W_i x_i + b_i)) = Σ_i up((A_i W_i) x_i) + Σ_i A_i b_i:
  thin products take the place of one over the wide concatenation (`compose=False`: the plain form).
* Dilated depth-wise convolutions are plain ones on sub-grids (:class:`mmuda.AtrousConv2d`) on a CPU, which works in
  channels last throughout, the layout that an encoder of tokens hands over. Elsewhere the levels are made
  contiguous while they are still thin.
* 1×1 convolutions take the faster of torch's kernels on a CPU (:class:`mmuda.models.layers.PointwiseConv2d`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mmuda import compat

compat.apply()

from mmcv.cnn import ConvModule
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.decode_heads.sep_aspp_head import DepthwiseSeparableASPPModule
from mmseg.models.utils import resize

from mmuda.functional import in_a_graph, pointwise_conv
from mmuda.registry import MODELS

from ..layers import AtrousConv2d, make_pointwise


@MODELS.register_module()
class DAFormerHead(BaseDecodeHead):
    """Linear embedding, concatenation, separable ASPP, 3×3 bottleneck, classifier.

    With 19 classes and the default widths it has 3,712,275 parameters on MiT-B1 … B5 (levels of
    64, 128, 320 and 512 channels) and 3,581,203 on MiT-B0 (32, 64, 160 and 256).

    Args:
        in_channels: Channels C_i of the levels.
        in_index: Which of the encoder's outputs they are, finest first.
        channels: Channels of the ASPP's branches and of the bottleneck.
        embed_dims: Channels of each level's embedding.
        dilations: One ASPP branch each; 1 is a 1×1 convolution.
        compose: Whether the 1×1 branch is computed before upsampling.
        bottleneck: Whether a 3×3 convolution joins the branches. Without it a single branch is the head's fusion, as in
            HRDA's scale attention, `dilations=(1,)`.
        **kwargs: For mmseg's `BaseDecodeHead` (`num_classes`, `norm_cfg`, `dropout_ratio`, …).
    """

    def __init__(
        self,
        in_channels: list[int],
        in_index: list[int],
        channels: int = 256,
        embed_dims: int = 256,
        dilations: tuple[int, ...] = (1, 6, 12, 18),
        compose: bool = True,
        bottleneck: bool = True,
        **kwargs,
    ) -> None:
        super().__init__(
            in_channels=in_channels, in_index=in_index, channels=channels, input_transform='multiple_select', **kwargs
        )
        self.embed_dims = embed_dims
        self.compose = compose
        self.embeds = nn.ModuleList(nn.Conv2d(width, embed_dims, 1) for width in in_channels)
        shared = dict(conv_cfg=self.conv_cfg, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)
        self.aspp = DepthwiseSeparableASPPModule(
            dilations=dilations, in_channels=embed_dims * len(in_channels), channels=channels, **shared
        )
        for branch in self.aspp:
            if hasattr(branch, 'depthwise_conv'):
                branch.depthwise_conv.conv = AtrousConv2d.of(branch.depthwise_conv.conv)
        if not bottleneck and len(dilations) > 1:
            raise ValueError(
                f'DAFormerHead has {len(dilations)} branches and no bottleneck to join them: give one dilation.'
            )
        self.bottleneck = (
            ConvModule(len(dilations) * channels, channels, 3, padding=1, **shared) if bottleneck else None
        )
        make_pointwise(self)

    def forward(self, inputs: list[Tensor]) -> Tensor:
        """Map levels [B, C_i, H_i, W_i], finest first -> logits [B, K, H_1, W_1]."""
        levels = self._transform_inputs(inputs)
        embedded = self._upsample([embed(x) for embed, x in zip(self.embeds, levels)])
        embedded = torch.cat(embedded, dim=1)
        branches = [
            self._branch(dilation, branch, levels, embedded) for dilation, branch in zip(self.aspp.dilations, self.aspp)
        ]
        return self.cls_seg(branches[0] if self.bottleneck is None else self.bottleneck(torch.cat(branches, dim=1)))

    def _transform_inputs(self, inputs: list[Tensor]) -> list[Tensor]:
        """Return the chosen levels, in channels last where sub-grids are faster, else contiguous."""
        levels = super()._transform_inputs(inputs)
        by_grids = levels[0].is_cpu and max(self.aspp.dilations) > 1 and not in_a_graph()
        layout = torch.channels_last if by_grids else torch.contiguous_format
        return [x.contiguous(memory_format=layout) for x in levels]

    def _branch(self, dilation: int, branch: nn.Module, levels: list[Tensor], embedded: Tensor) -> Tensor:
        """Compute one branch of the ASPP: [B, n · embed_dims, H_1, W_1] -> [B, channels, H_1, W_1]."""
        if dilation > 1 or not self.compose:
            return branch(embedded)
        out = self._composed(branch.conv, levels)
        return branch.activate(branch.norm(out) if branch.with_norm else out)

    def _composed(self, conv: nn.Conv2d, levels: list[Tensor]) -> Tensor:
        """Compute Σ_i up((A_i W_i) x_i) + Σ_i A_i b_i + the bias of A: -> [B, channels, H_1, W_1]."""
        blocks = conv.weight.flatten(1).split(self.embed_dims, dim=1)
        bias = sum(a @ embed.bias for a, embed in zip(blocks, self.embeds))
        bias = bias if conv.bias is None else bias + conv.bias
        weights = [a @ embed.weight.flatten(1) for a, embed in zip(blocks, self.embeds)]
        outs = [
            pointwise_conv(x, weight[..., None, None], bias if i == 0 else None)
            for i, (x, weight) in enumerate(zip(levels, weights))
        ]
        finest, *coarser = self._upsample(outs)
        for out in coarser:
            finest = finest + out
        return finest

    def _upsample(self, levels: list[Tensor]) -> list[Tensor]:
        """Upsample every level to the first one's size."""
        size = levels[0].shape[2:]
        return [
            levels[0],
            *(resize(x, size=size, mode='bilinear', align_corners=self.align_corners) for x in levels[1:]),
        ]
