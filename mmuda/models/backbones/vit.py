"""Plain vision transformers for dense prediction: mmpretrain's, with the mask token of DINOv2.

Dosovitskiy et al., ViT (ICLR 2021), https://arxiv.org/abs/2010.11929; Oquab et al., DINOv2 (TMLR 2024),
https://arxiv.org/abs/2304.07193. Masked tokens in adaptation: Englert et al., VFM-UDA (2024),
https://arxiv.org/abs/2406.09896.
"""

from __future__ import annotations

import warnings
from math import lcm

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda import compat
from mmuda.functional.pointwise import in_a_graph

compat.apply()

from mmpretrain.models.backbones import VisionTransformer as MMPretrainVisionTransformer


class MaskingPatchEmbed(nn.Module):
    """mmcv's patch embedding on the parameters of ``host``; in training a hidden patch gets the mask token.

    A patch is hidden when all its pixels are 0, the mean colour, as :class:`mmuda.TokenMask` makes them and as padding
    is.

    Args:
        host: An mmcv `PatchEmbed`, whose patches do not overlap.
    """

    def __init__(self, host: nn.Module) -> None:
        super().__init__()
        self.projection = host.projection
        self.adaptive_padding = host.adaptive_padding
        self.init_out_size = host.init_out_size
        self.mask_token = nn.Parameter(torch.zeros(1, 1, host.embed_dims))

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Map ``[B, 3, H, W]`` → tokens ``[B, h·w, C]`` without positions, and ``(h, w)``."""
        if self.adaptive_padding is not None:
            x = self.adaptive_padding(x)
        maps = self.projection(x)
        tokens = maps.flatten(2).transpose(1, 2)
        if self.training:
            seen = F.max_pool2d(x.abs().amax(1, keepdim=True), self.projection.kernel_size, self.projection.stride)
            hidden = (seen == 0).flatten(2).transpose(1, 2)
            tokens = torch.where(hidden, self.mask_token.to(tokens.dtype), tokens)
        return tokens, tuple(maps.shape[2:])


class VisionTransformer(MMPretrainVisionTransformer):
    """mmpretrain's `VisionTransformer` for dense prediction; its state dict, and with ``mask_token`` one entry more.

    Positions are interpolated to the size of the images. In evaluation the outputs are mmpretrain's to the bit. An
    image of no whole number of patches is padded, also as there; a warning says that its maps cover more than it.

    Args:
        mask_token: Whether a hidden patch of a training image, one that is wholly 0, has a learned token in the place
            of its embedding (VFM-UDA). It is ``patch_embed.mask_token`` and begins as 0, as in DINOv2.
        out_type: What is given of the layers in ``out_indices``; ``featmap`` is ``[B, C, h, w]`` without class token.
        args, kwargs: Of mmpretrain's `VisionTransformer`.

    Example:
        >>> net = VisionTransformer('dinov2-small', img_size=28, patch_size=14, layer_scale_init_value=1e-5)
        >>> [list(x.shape) for x in net(torch.zeros(1, 3, 56, 70))]
        [[1, 384, 4, 5]]
    """

    def __init__(self, *args, mask_token: bool = False, out_type: str = 'featmap', **kwargs) -> None:
        super().__init__(*args, out_type=out_type, **kwargs)
        if mask_token:
            self.patch_embed = MaskingPatchEmbed(self.patch_embed)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``[B, 3, H, W]`` → the outputs of the layers in ``out_indices``."""
        if self.out_type == 'featmap' and not in_a_graph():
            self._warn_of_padding(*x.shape[-2:])
        return super().forward(x)

    def _warn_of_padding(self, height: int, width: int) -> None:
        patch = self.patch_embed.projection.kernel_size
        if height % patch[0] or width % patch[1]:
            warnings.warn(  # in the same words whatever the size, so it is said once
                f'{type(self).__name__} has patches of {patch[1]}×{patch[0]} pixels, and images are no whole number of '
                'them: its maps cover more than the image and are then scaled to it, so predictions and labels are '
                f'shifted. Set size_divisor={lcm(*patch)} in the data_preprocessor and in its test_cfg, which pad '
                'images and cut predictions.',
                stacklevel=2,
            )

    def train(self, mode: bool = True) -> VisionTransformer:
        """Set the mode as any module does, and return the module: mmpretrain's backbones give None."""
        super().train(mode)
        return self
