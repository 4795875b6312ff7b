"""What encoders with multi-head hybrid attention (MHA) share: how the tokens of a training batch are grouped.

STCT, OpenReview oBXFemWGPWN, Sec. 3.2–3.3: source and target tokens attend to each other inside groups that are drawn
for each step, from the classes of the source labels or without them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from mmuda.domain import DomainBatch, GroupDrawer
from mmuda.functional.attention import check_options, mixes_domains
from mmuda.functional.grouping import check_strategy, split_tokens, tokens_on_grids

NEEDS_LABELS = ('semantic', 'scattered-semantic')


class HybridEncoder(GroupDrawer):
    """Mixin of an encoder, before its plain class: it draws the groups of a step on the grid of every stage.

    A stage is what shares a grid of tokens; a plain ViT is one stage.

    Args:
        attention_options: Of :func:`mmuda.functional.plan_attention`.
        strategy, mha_prob, num_scattered, share_stages, share_domains: See :class:`mmuda.MHAMixVisionTransformer`.
        args, kwargs: Of the plain encoder.

    Raises:
        ValueError: An option that is none, or grouping a target by classes that nobody knows.
    """

    def __init__(
        self,
        *args,
        attention_options: Mapping,
        strategy: str,
        mha_prob: float,
        num_scattered: int,
        share_domains: bool | None,
        share_stages: bool = True,
        **kwargs,
    ) -> None:
        check_options(**{key: attention_options[key] for key in ('direction', 'intra_ratio', 'implementation')})
        if strategy != 'none':
            check_strategy(strategy, num_scattered)
        # Plain values: they may, and for attention built by the plain class they must, be there before the modules are.
        self.attention_options = dict(attention_options)
        self.strategy = strategy
        self.num_scattered = num_scattered
        self.mha_prob = mha_prob
        self.share_stages = share_stages
        self.share_domains = strategy != 'random' if share_domains is None else share_domains
        name = type(self).__name__
        if not 0 <= mha_prob <= 1:
            raise ValueError(f'{name} has mha_prob={mha_prob}: a probability lies in [0, 1].')
        if not self.share_domains and strategy in NEEDS_LABELS:
            raise ValueError(
                f'{name} has share_domains=False with strategy={strategy!r}: the target has no labels to be grouped by.'
            )
        super().__init__(*args, **kwargs)

    def hybrid_layers(self) -> dict[int, nn.Module]:
        """Return a layer with hybrid attention of each stage that has any."""
        raise TypeError(f'{type(self).__name__} has no hybrid_layers: a HybridEncoder names one for each stage.')

    def stage_grids(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return rows and columns of tokens in each stage for images of ``height`` × ``width`` pixels."""
        raise TypeError(f'{type(self).__name__} has no stage_grids: a HybridEncoder knows its grids.')

    def plan(self, layout: DomainBatch, maps: tuple[Tensor, ...]) -> tuple:
        """Return what the layers of each stage work with, None for a stage without hybrid attention.

        Args:
            layout: Sizes of the domains, and who is paired with whom.
            maps: The groups of each stage, bool ``[B, h, w]``.
        """
        raise TypeError(f'{type(self).__name__} has no plan: a HybridEncoder makes one of the groups of each stage.')

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
        if layout.groups is not None or not self.hybrid_layers() or not mixes_domains(layout, self.direction):
            return layout
        if self.mha_prob < 1 and torch.rand(()) >= self.mha_prob:
            return replace(layout, hybrid=False)
        if self.strategy == 'none':
            return layout
        label = self._label(layout, inputs, label)
        maps = self._maps(layout, label, self.stage_grids(*inputs.shape[-2:]))
        return replace(layout, groups=maps, plans=self.plan(layout, maps))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map ``[B, 3, H, W]`` → the features of the stages in ``out_indices``."""
        if self.training and not torch.compiler.is_compiling():
            self._warn_of_missing_groups()
        return super().forward(x)

    @property
    def direction(self) -> str:
        """Whose queries see both domains."""
        return self.attention_options['direction']

    def _label(self, layout: DomainBatch, inputs: Tensor, label: Tensor | None) -> Tensor:
        """Return what `class_split` reads: classes, or just as many images as it shall draw for."""
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
        """Return bool [B, h, w] for each stage."""
        draw = partial(split_tokens, label, self.strategy, num_scattered=self.num_scattered)
        if self.share_stages:
            tokens = draw(grids)
        else:
            coarsest = grids[-1]  # about that of the keys in every stage
            tokens = torch.cat([draw([grid, coarsest])[:, : grid[0] * grid[1]] for grid in grids], 1)
        if self.share_domains:
            images = (*range(layout.num_source), *layout.source_of_target())
            tokens = torch.stack([tokens[image] for image in images])
        return tokens_on_grids(tokens, grids)

    def _warn_of_missing_groups(self) -> None:
        """Warn once: a layout set by hand may leave them out on purpose, but a forgotten draw would be silent."""
        contexts = [getattr(layer, 'domain_context', None) for layer in self.hybrid_layers().values()]
        layout = next((context.batch for context in contexts if context), None)
        if self.strategy == 'none' or layout is None or layout.groups or not mixes_domains(layout, self.direction):
            return
        warnings.warn(
            f'{type(self).__name__} has strategy={self.strategy!r}, but trains without groups: let UDAModel or '
            'DomainContextHook set the layout, or set what draw_groups returns.',
            stacklevel=2,
        )
