"""A view in the colours of another domain (FDA, Yang and Soatto, CVPR 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from mmuda.functional import fourier_style
from mmuda.functional.fourier_style import low_frequencies
from mmuda.registry import MODELS

from .base import Normalization, View, ViewMaker


@MODELS.register_module()
class FourierStyle(ViewMaker):
    """Exchanges the low frequencies of each image for those of an image of another view; labels stay.

    The b-th image takes those of the b-th of the other view, counted round where that has fewer. Both are brought back
    to 0–255 first, as the released code does.

    Args:
        of: The view that changes its style.
        like: The view that it takes the style of.
        beta: Half the side of the window of frequencies, as a share of the shorter side; 0.01, 0.05 and 0.09 in the
            paper.
        window: ``corners``, as the released training; ``centre``, as its demo: see
            :func:`mmuda.functional.fourier_style`.

    Example:
        >>> source, target = View(torch.rand(2, 3, 32, 32), domain='source'), View(torch.rand(2, 3, 32, 32))
        >>> norm = Normalization(torch.full((3, 1, 1), 127.5), torch.full((3, 1, 1), 60.0))
        >>> FourierStyle(beta=0.05)(dict(source=source, target=target), norm).inputs.shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, of: str = 'source', like: str = 'target', beta: float = 0.01, window: str = 'corners') -> None:
        super().__init__(of)
        low_frequencies((8, 8), beta, window)  # refuses wrong options
        self.like, self.beta, self.window = like, beta, window

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the views that it looks at."""
        return (*super().reads, self.like)

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse images of H × W pixels in which the window holds no frequency.

        Raises:
            ValueError: The window would change nothing.
        """
        if not low_frequencies(size, self.beta, self.window).any():
            raise ValueError(
                f'FourierStyle has beta={self.beta}, less than one frequency of images of {size[0]}×{size[1]} pixels, '
                "so nothing would change: raise beta, or set window='centre'."
            )

    @torch.no_grad()
    def forward(self, views: Mapping[str, View], norm: Normalization) -> View:
        """Return the view in the other's style.

        Raises:
            ValueError: A window so small that it holds no frequency of these images.
        """
        view, other = views[self.of[0]], views[self.like].inputs
        self.check_size(tuple(view.inputs.shape[-2:]))
        pairs = other[torch.arange(len(view), device=other.device) % len(other)]
        with torch.autocast(view.inputs.device.type, enabled=False):
            source, target = (x.float() * norm.std + norm.mean for x in (view.inputs, pairs))
            styled = (fourier_style(source, target, self.beta, self.window) - norm.mean) / norm.std
        return replace(view, inputs=styled.to(view.inputs.dtype))
