"""Backbones on mmpretrain's, by their names in a config; mmpretrain is imported when one of them is built."""

from __future__ import annotations

from torch import nn

from mmuda.registry import MODELS


@MODELS.register_module(name='VisionTransformer')
def build_vision_transformer(*args, **kwargs) -> nn.Module:
    """Build :class:`mmuda.models.backbones.vit.VisionTransformer`, whose arguments these are."""
    from .vit import VisionTransformer

    return VisionTransformer(*args, **kwargs)


@MODELS.register_module(name='MHAVisionTransformer')
def build_mha_vision_transformer(*args, **kwargs) -> nn.Module:
    """Build :class:`mmuda.models.backbones.mha_vit.MHAVisionTransformer`, whose arguments these are."""
    from .mha_vit import MHAVisionTransformer

    return MHAVisionTransformer(*args, **kwargs)
