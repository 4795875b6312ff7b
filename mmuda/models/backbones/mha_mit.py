"""Mix Vision Transformer with multi-head hybrid attention (MHA): STCT, OpenReview oBXFemWGPWN, Sec. 3.2–3.3.

In training the tokens of a source and a target image attend to each other, inside class-split groups
of tokens; in evaluation and as a teacher it is the plain encoder. No parameter is added, so every MiT
checkpoint fits both ways.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from torch import Tensor, nn

from mmuda.domain import DomainBatch, GroupDrawer
from mmuda.functional import class_split_pyramid, plan_attention
from mmuda.functional.attention import check_options, mixes_domains
from mmuda.functional.grouping import check_strategy
from mmuda.registry import MODELS

from ..layers import EfficientAttention, HybridAttention
from .mit import MixVisionTransformer

NEEDS_LABELS = ('semantic', 'scattered-semantic')
KEY_GROUPS = ('nearest', 'majority')


@MODELS.register_module()
class MHAMixVisionTransformer(GroupDrawer, MixVisionTransformer):
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
        check_options(direction, intra_ratio, implementation)
        if strategy != 'none':
            check_strategy(strategy, num_scattered)
        # Plain values: they may, and for build_attention they must, be there before the modules are.
        self.mha_stages = tuple(mha_stages)
        self.attention_options = dict(direction=direction, intra_ratio=intra_ratio, implementation=implementation)
        self.majority = key_groups == 'majority'
        self.strategy = strategy
        self.num_scattered = num_scattered
        self.mha_prob = mha_prob
        self.share_stages = share_stages
        self.share_domains = strategy != 'random' if share_domains is None else share_domains
        super().__init__(*args, **kwargs)
        self._check(key_groups)

    def build_attention(self, stage: int, host: nn.Module) -> nn.Module:
        """Hybrid attention in the stages that were asked for."""
        if stage not in self.mha_stages or self.direction == 'none':
            return EfficientAttention(host)
        return HybridAttention(host, stage, majority=self.majority, **self.attention_options)

    def draw_groups(self, layout: DomainBatch, inputs: Tensor, label: Tensor | None = None) -> DomainBatch:
        """Split the tokens of one training batch on every stage's grid; all layers then work with this draw.

        A layout that has groups already keeps them. The sizes of the groups come to the host here, once a step.

        Args:
            layout: Sizes of the domains, and who is paired with whom.
            inputs: ``[B, 3, H, W]``, source first.
            label: Class indices of the source images ``[num_source, H, W]``.

        Raises:
            ValueError: Grouping by classes without a label for each source image.
        """
        if layout.groups is not None or not self.mha_stages or not mixes_domains(layout, self.direction):
            return layout
        if self.mha_prob < 1 and torch.rand(()) >= self.mha_prob:
            return replace(layout, hybrid=False)
        if self.strategy == 'none':
            return layout
        label = self._label(layout, inputs, label)
        maps = self._maps(layout, label, self._grids(*inputs.shape[-2:]))
        return replace(layout, groups=maps, plans=self._plans(layout, maps))

    def forward(self, x: Tensor) -> list[Tensor]:
        """``[B, 3, H, W]`` → the features of the stages in ``out_indices``."""
        if self.training and not torch.compiler.is_compiling():
            self._warn_of_missing_groups()
        return super().forward(x)

    @property
    def direction(self) -> str:
        """Whose queries see both domains."""
        return self.attention_options['direction']

    def stage_grids(self, height: int, width: int) -> list[tuple[int, int]]:
        """Rows and columns of tokens in each stage for images of ``height`` × ``width`` pixels."""
        grids = []
        for embed, _, _ in self.layers:
            conv = embed.projection
            height, width = (
                (size + 2 * padding - kernel) // stride + 1
                for size, padding, kernel, stride in zip(
                    (height, width), conv.padding, conv.kernel_size, conv.stride, strict=True
                )
            )
            grids.append((height, width))
        return grids

    def _grids(self, height: int, width: int) -> list[tuple[int, int]]:
        grids = self.stage_grids(height, width)
        for stage, grid in enumerate(grids):
            if min(grid) < self.sr_ratios[stage]:
                raise ValueError(
                    f'{type(self).__name__} got images of {height} × {width} pixels, too few for a key in stage '
                    f'{stage}: give larger crops.'
                )
        return grids

    def _label(self, layout: DomainBatch, inputs: Tensor, label: Tensor | None) -> Tensor:
        """What `class_split` reads: classes, or just as many images as it shall draw for."""
        if self.strategy not in NEEDS_LABELS:
            return inputs.new_empty(layout.num_source if self.share_domains else len(layout), 1, 1, dtype=torch.uint8)
        if label is None or len(label) != layout.num_source:
            raise ValueError(
                f'{type(self).__name__} groups by strategy={self.strategy!r}, but the batch has '
                f'{0 if label is None else len(label)} label maps for {layout.num_source} source images: load their '
                "gt_sem_seg, or choose a strategy without classes, such as 'cutout'."
            )
        if label.shape[-2:] != inputs.shape[-2:]:
            raise ValueError(
                f'{type(self).__name__} got label maps of {list(label.shape[-2:])} for images of '
                f'{list(inputs.shape[-2:])} pixels: bring them to one size in the pipeline.'
            )
        return label

    def _maps(self, layout: DomainBatch, label: Tensor, grids: list[tuple[int, int]]) -> tuple[Tensor, ...]:
        """bool [B, h, w] for each stage."""
        options = dict(num_scattered=self.num_scattered)
        if self.share_stages:
            maps = class_split_pyramid(label, self.strategy, grids, **options)
        else:
            coarsest = grids[-1]  # about that of the keys in every stage
            maps = [class_split_pyramid(label, self.strategy, [grid, coarsest], **options)[0] for grid in grids]
        if not self.share_domains:
            return tuple(maps)
        sources = layout.source_of_target()
        return tuple(torch.cat((own, torch.stack([own[source] for source in sources]))) for own in maps)

    def _warn_of_missing_groups(self) -> None:
        """A layout that was set by hand may leave them out on purpose; a forgotten draw would be silent."""
        layers = [self.layers[stage][1][0].attn for stage in self.mha_stages]
        layout = next((layer.domain_context.batch for layer in layers if getattr(layer, 'domain_context', None)), None)
        if self.strategy == 'none' or layout is None or layout.groups or not mixes_domains(layout, self.direction):
            return
        warnings.warn(
            f'{type(self).__name__} has strategy={self.strategy!r}, but trains without groups: let UDAModel or '
            'DomainContextHook set the layout, or set what draw_groups returns.',
            stacklevel=2,
        )

    def _plans(self, layout: DomainBatch, maps: tuple[Tensor, ...]) -> tuple:
        """One plan for each stage with hybrid attention, None for the others."""
        layers = {stage: self.layers[stage][1][0].attn for stage in self.mha_stages}
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
        if not 0 <= self.mha_prob <= 1:
            raise ValueError(f'{name} has mha_prob={self.mha_prob}: a probability lies in [0, 1].')
        if not self.share_domains and self.strategy in NEEDS_LABELS:
            raise ValueError(
                f'{name} has share_domains=False with strategy={self.strategy!r}: the target has no labels to be '
                'grouped by.'
            )
        if key_groups not in KEY_GROUPS:
            raise ValueError(f'{name} has key_groups={key_groups!r}: use one of {", ".join(KEY_GROUPS)}.')
