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

    Example:
        >>> weak = View(torch.zeros(2, 3, 8, 8), label=torch.tensor([1, 4]), strong=torch.ones(2, 3, 8, 8))
        >>> strong = StrongView(of='target')(dict(target=weak), norm=None)
        >>> strong.inputs.unique(), strong.label
        (tensor([1.]), tensor([1, 4]))
    """

    def forward(self, views: Mapping[str, View], norm: Normalization) -> View:
        """Return the strong images with the labels and weights of the weak ones."""
        view = views[self.of[0]]
        return replace(view, inputs=view.strong, strong=None)
