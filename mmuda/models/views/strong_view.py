"""The strong view that the loader made, in the place of the weak one that was labelled (FixMatch, NeurIPS 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mmuda.registry import MODELS

from .base import Normalization, View, ViewMaker


@MODELS.register_module()
class StrongView(ViewMaker):
    """The same rows with the images of ``View.strong``, which :class:`mmuda.TwoViews` makes at the end of a pipeline.

    Args:
        of: The weak view.
    """

    def forward(self, views: Mapping[str, View], norm: Normalization) -> View:
        """Return the strong images with the labels and weights of the weak ones."""
        view = views[self.of[0]]
        return replace(view, inputs=view.strong, strong=None)
