"""DIDA-Net behind any backbone: the last stage's output plus an instance-adaptive residual of its input.

DIDA-Net (Deng et al., IEEE T-IP 2022), Eq. 1, Z = f_s(X) + f_d(X): the backbone gives X and f_s(X), its two last
outputs, by ``out_indices``. So the backbone stays the host's own and takes its usual checkpoints. For other stages than
the last see :class:`mmuda.ExtendedBackbone`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor

from mmuda.registry import MODELS

from ..layers.dida_branch import DIDABranch, add_residual


@MODELS.register_module()
class DIDANeck(BaseModule):
    """Outputs X and f_s(X) of two consecutive stages → f_s(X) + branch(X).

    Args:
        in_channels, out_channels: Of X and of f_s(X).
        num_blocks, stride, mid_channels, module, norm_cfg: See :class:`mmuda.models.layers.DIDABranch`; the defaults
            are those beside the last stage of a ResNet-18.
        main_stream: Whether f_s is there. False is Table IV's "w/o main stream": the backbone ends with X.
        pool: Whether the result is averaged over its positions, ``[B, out_channels]`` (True), or stays a map.
        all_levels: Whether the backbone's other outputs are given too, as a segmentation head wants them, the result in
            the place of the last.
    """

    def __init__(
        self,
        in_channels: int = 256,
        out_channels: int = 512,
        num_blocks: int = 2,
        stride: int = 2,
        mid_channels: int | None = None,
        module: dict | None = None,
        norm_cfg: dict | None = None,
        main_stream: bool = True,
        pool: bool = True,
        all_levels: bool = False,
    ) -> None:
        super().__init__()
        self.branch = DIDABranch(in_channels, out_channels, num_blocks, stride, mid_channels, module, norm_cfg)
        self.main_stream = main_stream
        self.pool = pool
        self.all_levels = all_levels

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Map the last two outputs of a backbone (without a main stream: the last) → one level, or all.

        Raises:
            ValueError: One output where two are needed, or a branch that does not fit them.
        """
        if not self.main_stream:
            out = self.branch(inputs[-1])
        else:
            x, static = _last_two(inputs)
            out = add_residual(static, self.branch(x))
        out = out.mean((2, 3)) if self.pool else out
        return (*inputs[:-1], out) if self.all_levels else (out,)


def _last_two(inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    if isinstance(inputs, Tensor) or len(inputs) < 2:
        raise ValueError(
            'DIDANeck got one feature map, but needs the input of the last stage and its output: let the backbone give '
            'both, as out_indices=(2, 3) of a ResNet does, or set main_stream=False.'
        )
    return inputs[-2], inputs[-1]
