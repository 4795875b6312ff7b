"""The instance-adaptive residual of a whole stage: DIDA modules, each with a norm and a ReLU.

DIDA-Net (Deng et al., IEEE T-IP 2022) draws one module beside the static stage. The released networks, whose
parameters are the paper's 11.22 M, have as many blocks as the stage; the first one does the stage's stride. Where the
stage is made of bottleneck blocks (ResNet-50 and up), each block ends in a 1×1 convolution with norm and ReLU that
widens its output. There is no shortcut, and none of the released code's down-sampling layers that nothing uses.
"""

from __future__ import annotations

from mmengine.model import BaseModule, Sequential
from torch import Tensor, nn

from mmuda import compat
from mmuda.registry import MODELS, build_own

from .dida import init_conv

compat.apply()

from mmcv.cnn import build_norm_layer


@MODELS.register_module()
class DIDABranch(BaseModule):
    """Stack of (module → norm → ReLU [→ 1×1 convolution → norm → ReLU]).

    Args:
        in_channels, out_channels: Of the stage that it stands beside.
        num_blocks: As many as that stage has.
        stride: Of the stage; the first block does it.
        mid_channels: Output of the modules where a 1×1 convolution widens it to ``out_channels`` (None: no such
            convolution).
        module: Config of the module without its channels and stride: ``dict(type='DIDAModule', reduction=16)``, or one
            of its controls, such as ``dict(type='StaticModule')``. A plain dict of options is for a DIDA module.
        norm_cfg: The norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_blocks: int = 1,
        stride: int = 1,
        mid_channels: int | None = None,
        module: dict | None = None,
        norm_cfg: dict | None = None,
    ) -> None:
        super().__init__()
        if num_blocks < 1:
            raise ValueError(f'DIDABranch has num_blocks={num_blocks}: give the number of blocks of the stage.')
        module = dict(type='DIDAModule') | dict(module or {})
        self.blocks = Sequential()
        for index in range(num_blocks):
            sizes = dict(in_channels=in_channels, out_channels=mid_channels or out_channels)
            block = [build_own(MODELS, module | sizes | dict(stride=1 if index else stride))]
            block += _norm_relu(sizes['out_channels'], norm_cfg)
            if mid_channels is not None:
                widen = nn.Conv2d(mid_channels, out_channels, 1, bias=False)
                init_conv(widen, 'kaiming')
                block += [widen, *_norm_relu(out_channels, norm_cfg)]
            self.blocks.append(Sequential(*block))
            in_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map the input of the stage ``[B, C, H, W]`` → residual for its output ``[B, out_channels, H', W']``."""
        return self.blocks(x)


def add_residual(static: Tensor, residual: Tensor) -> Tensor:
    """Add by Eq. 1 what the branch beside a stage gives to what the stage gives.

    Raises:
        ValueError: Two shapes.
    """
    if static.shape != residual.shape:
        raise ValueError(
            f'A branch gives {list(residual.shape)}, but the stage beside it gives {list(static.shape)}: set its '
            "out_channels and stride to the stage's, and let the backbone's out_indices name consecutive stages."
        )
    return static + residual


def _norm_relu(channels: int, norm_cfg: dict | None) -> list[nn.Module]:
    return [build_norm_layer(norm_cfg or dict(type='BN'), channels)[1], nn.ReLU(inplace=True)]
