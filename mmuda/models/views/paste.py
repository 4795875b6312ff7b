"""Pixels of source images pasted onto target images: what ClassMix and CutMix share.

x = m · x_s + (1 − m) · x_t        the same of labels; the weight of a source pixel is 1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mmuda.functional import mix

from .base import Normalization, View, ViewMaker, weight_of_places


class PasteMaker(ViewMaker):
    """A target-like view of which a mask says what comes from the source.

    The b-th target image gets pixels of the b-th source image; the smaller domain goes from its beginning again.
    """

    needs_labels = ('source', 'target')

    def mask(self, label: Tensor) -> Tensor:
        """Return the pixels to paste, bool, of source labels ``[B, H, W]``."""
        raise TypeError(f'{type(self).__name__} has no mask: it returns the pixels to paste.')

    def forward(self, views: Mapping[str, View], norm: Normalization) -> View:
        """Return images, labels and weights, mixed by one mask.

        Raises:
            ValueError: Images have one label each.
        """
        source, target = views['source'], views[self.of[0]]
        if source.label.dim() != 3:
            raise ValueError(
                f'{type(self).__name__} mixes images by their label maps, but an image has one label here: leave it '
                "out, or use task='segmentation'."
            )
        rows = [row % len(source) for row in range(len(target))]
        label, inputs = (torch.stack([x[row] for row in rows]) for x in (source.label, source.inputs))
        mask = self.mask(label)
        if target.weight is None:
            weight = torch.ones_like(mask, dtype=torch.float)
        else:
            weight = weight_of_places(target.weight, mask.shape)
        return replace(
            target,
            inputs=mix(mask, inputs, target.inputs),
            label=mix(mask, label, target.label),
            weight=mix(mask, torch.ones_like(weight), weight),
        )
