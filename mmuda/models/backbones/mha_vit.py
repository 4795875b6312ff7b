"""Plain vision transformers with multi-head hybrid attention (MHA): STCT, OpenReview oBXFemWGPWN, Sec. 3.2–3.3.

The paper has hybrid attention in SegFormer's encoder. Here it is for encoders such as DINOv2: patch tokens are grouped
as there, and the class token, which stands for the whole image, belongs to both groups.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmuda.domain import DomainBatch
from mmuda.functional import plan_attention

from ..layers import HybridSelfAttention
from .hybrid_encoder import HybridEncoder
from .vit import VisionTransformer


class MHAVisionTransformer(HybridEncoder, VisionTransformer):
    """:class:`mmuda.VisionTransformer` (same arguments, same state dict) with hybrid attention in training.

    The b-th source image is paired with the b-th target image, see :class:`mmuda.MHAMixVisionTransformer`.

    Args:
        mha_layers: Layers with hybrid attention, counted from 0 (None: all).
        direction: Whose queries see both domains: `both`, `s2t` the source's, `t2s` the target's, `none`.
        strategy: How tokens are grouped: one of :data:`mmuda.functional.grouping.STRATEGIES`, or `none` for
            all in one.
        intra_ratio: r in (0, 1), the weight of the own domain's keys against 1 − r of the other's.
        mha_prob: The share of training steps with hybrid attention; the others train what evaluation runs.
        num_scattered: Classes that `scattered-semantic` scatters.
        share_domains: The target borrows its source image's groups (None: unless they are `random`).
        args, kwargs: Of :class:`mmuda.VisionTransformer`.

    Raises:
        ValueError: A value that is not listed above.
    """

    def __init__(
        self,
        *args,
        mha_layers: tuple[int, ...] | None = None,
        direction: str = 'both',
        strategy: str = 'semantic',
        intra_ratio: float = 0.5,
        mha_prob: float = 1.0,
        num_scattered: int = 0,
        share_domains: bool | None = None,
        **kwargs,
    ) -> None:
        super().__init__(
            *args,
            attention_options=dict(direction=direction, intra_ratio=intra_ratio, implementation='masked'),
            strategy=strategy,
            mha_prob=mha_prob,
            num_scattered=num_scattered,
            share_domains=share_domains,
            **kwargs,
        )
        self.mha_layers = tuple(range(self.num_layers)) if mha_layers is None else tuple(mha_layers)
        if len(set(self.mha_layers)) < len(self.mha_layers) or not set(self.mha_layers) <= set(range(self.num_layers)):
            raise ValueError(
                f'{type(self).__name__} has mha_layers={self.mha_layers}: name each of its layers 0 to '
                f'{self.num_layers - 1} at most once.'
            )
        if direction != 'none':
            for index in self.mha_layers:
                self.layers[index].attn = HybridSelfAttention(self.layers[index].attn, direction, intra_ratio)

    def hybrid_layers(self) -> dict[int, nn.Module]:
        """Return the first layer of the one stage that there is."""
        return {0: self.layers[self.mha_layers[0]].attn} if self.mha_layers else {}

    def stage_grids(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return rows and columns of patches of images of ``height`` × ``width`` pixels; pad the last patch."""
        rows, columns = self.patch_embed.projection.kernel_size
        return [(-(-height // rows), -(-width // columns))]

    def plan(self, layout: DomainBatch, maps: tuple[Tensor, ...]) -> tuple[Tensor]:
        """Return what is added to the logits, ``[B, N, 2N]``: −∞ for keys that a token does not see."""
        groups = maps[0].flatten(1)
        return tuple(
            plan_attention(layout, [(groups, groups)], **self.attention_options, num_shared=self.num_extra_tokens)
        )
