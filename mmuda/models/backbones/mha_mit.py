"""Mix Vision Transformer with multi-head hybrid attention (MHA): STCT, OpenReview oBXFemWGPWN, Sec. 3.2–3.3.

In training the tokens of a source and a target image attend to each other, inside class-split groups
of tokens; in evaluation and as a teacher it is the plain encoder. No parameter is added, so every MiT
checkpoint fits both ways.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.domain import DomainBatch
from mmuda.functional import plan_attention
from mmuda.registry import MODELS

from ..layers import EfficientAttention, HybridAttention
from .hybrid_encoder import HybridEncoder
from .mit import MixVisionTransformer

KEY_GROUPS = ('nearest', 'majority')


@MODELS.register_module()
class MHAMixVisionTransformer(HybridEncoder, MixVisionTransformer):
    """mmseg's `MixVisionTransformer` (same arguments, same state dict) with hybrid attention.

    The b-th source image is paired with the b-th target image; the smaller domain is taken from its
    beginning again, and a target that is in several pairs has the groups of its first source. The
    defaults are the paper's best.

    Args:
        mha_stages: Stages with hybrid attention, counted from 0 (STCT, Table 1).
        direction: Whose queries see both domains: `both`, `s2t` the source's, `t2s` the target's, `none`
            (Eqs. 6 and 7; Table 2).
        strategy: How tokens are grouped: one of :data:`mmuda.functional.grouping.STRATEGIES`, or `none` for
            all in one (Table 2).
        intra_ratio: r in (0, 1), the weight of the own domain's keys against 1 − r of the other's; 0.5 is Eq. 3.
        mha_prob: The share of training steps with hybrid attention; the others train what evaluation runs.
        num_scattered: Classes that `scattered-semantic` scatters.
        share_stages: One draw for all stages, or one a stage.
        share_domains: The target borrows its source image's groups (None: unless they are `random`).
        key_groups: Which group a key is in that stands for several queries: of the `nearest`, or of the `majority`.
        implementation: `gathered`, `masked` or `auto`, see :func:`mmuda.functional.hybrid_attention`.
        args, kwargs: Of mmseg's `MixVisionTransformer`.

    Raises:
        ValueError: A value that is not listed above.
    """

    def __init__(
        self,
        *args,
        mha_stages: tuple[int, ...] = (0, 1, 2, 3),
        direction: str = 'both',
        strategy: str = 'semantic',
        intra_ratio: float = 0.5,
        mha_prob: float = 1.0,
        num_scattered: int = 0,
        share_stages: bool = True,
        share_domains: bool | None = None,
        key_groups: str = 'nearest',
        implementation: str = 'auto',
        **kwargs,
    ) -> None:
        # Plain values: they may, and for build_attention they must, be there before the modules are.
        self.mha_stages = tuple(mha_stages)
        self.majority = key_groups == 'majority'
        super().__init__(
            *args,
            attention_options=dict(direction=direction, intra_ratio=intra_ratio, implementation=implementation),
            strategy=strategy,
            mha_prob=mha_prob,
            num_scattered=num_scattered,
            share_domains=share_domains,
            share_stages=share_stages,
            **kwargs,
        )
        self._check(key_groups)

    def build_attention(self, stage: int, host: nn.Module) -> nn.Module:
        """Build hybrid attention in the stages that were asked for."""
        if stage not in self.mha_stages or self.direction == 'none':
            return EfficientAttention(host)
        return HybridAttention(host, stage, majority=self.majority, **self.attention_options)

    def stage_grids(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return rows and columns of tokens in each stage for images of ``height`` × ``width`` pixels."""
        grids, size = [], f'{height} × {width}'
        for embed, _, _ in self.layers:
            conv = embed.projection
            height, width = (
                (length + 2 * padding - kernel) // stride + 1
                for length, padding, kernel, stride in zip(
                    (height, width), conv.padding, conv.kernel_size, conv.stride, strict=True
                )
            )
            grids.append((height, width))
        for stage, grid in enumerate(grids):
            if min(grid) < self.sr_ratios[stage]:
                raise ValueError(
                    f'{type(self).__name__} got images of {size} pixels, too few for a key in stage {stage}: give '
                    'larger crops.'
                )
        return grids

    def hybrid_layers(self) -> dict[int, nn.Module]:
        """Return the first layer of each stage that was asked for."""
        return {stage: self.layers[stage][1][0].attn for stage in self.mha_stages}

    def plan(self, layout: DomainBatch, maps: tuple[Tensor, ...]) -> tuple:
        """Return one plan for each stage with hybrid attention, None for the others."""
        layers = self.hybrid_layers()
        groups = [layer.token_groups(maps[stage]) for stage, layer in layers.items()]
        plans = dict(zip(layers, plan_attention(layout, groups, **self.attention_options), strict=True))
        return tuple(plans.get(stage) for stage in range(len(maps)))

    def _check(self, key_groups: str) -> None:
        name = type(self).__name__
        if len(set(self.mha_stages)) < len(self.mha_stages) or not set(self.mha_stages) <= set(range(self.num_stages)):
            raise ValueError(
                f'{name} has mha_stages={self.mha_stages}: name each of its stages 0 to {self.num_stages - 1} at most '
                'once.'
            )
        if key_groups not in KEY_GROUPS:
            raise ValueError(f'{name} has key_groups={key_groups!r}: use one of {", ".join(KEY_GROUPS)}.')
