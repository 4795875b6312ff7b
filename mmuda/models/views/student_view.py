"""The student's strongly augmented view of a batch: colour jitter and blur, on the device, per image.

Photometric only: the teacher's labels of the plain image stay right for every pixel of the view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from mmuda.functional import adjust_colors, draw_jitter, gaussian_blur, jitter_colors, released_blur
from mmuda.registry import MODELS

from .base import Normalization, View, ViewMaker, joined_rows

STYLES = ('image', 'released')


@MODELS.register_module()
class StudentView(ViewMaker):
    """Augments normalised images; the defaults are DAFormer's strengths, drawn per image instead of per batch.

    Args:
        of: The view whose images are augmented. Several, as ``('source', 'target')`` for STCT's "a pair of augmented
            source and target images", are augmented together, each in its own place.
        jitter_prob: Probability of colour jitter for an image. DAFormer's code jitters when a
            uniform draw *exceeds* 0.2.
        jitter_strength: Half-width of brightness, contrast, saturation and hue.
        blur_prob: Probability of Gaussian blur for an image.
        blur_sigma: Range of the blur's sigma, in pixels.
        style: ``image``: torchvision's adjustments in a fixed order, drawn for each image. ``released``: those of DACS,
            DAFormer and MIC, see :mod:`mmuda.functional.released_augment`: whether a step jitters and blurs, and in
            which order, is drawn once for all images, and the blur is one of normalised images.

    Example:
        >>> norm = Normalization(torch.full((3, 1, 1), 127.5), torch.full((3, 1, 1), 60.0))
        >>> target = View(torch.rand(2, 3, 16, 16))
        >>> StudentView(of='target')(dict(target=target), norm).inputs.shape
        torch.Size([2, 3, 16, 16])
    """

    def __init__(
        self,
        of: str | Sequence[str] = 'target',
        jitter_prob: float = 0.8,
        jitter_strength: float = 0.2,
        blur_prob: float = 0.5,
        blur_sigma: tuple[float, float] = (0.15, 1.15),
        style: str = 'image',
    ) -> None:
        super().__init__(of)
        for name, value in (('jitter_prob', jitter_prob), ('blur_prob', blur_prob)):
            if not 0 <= value <= 1:
                raise ValueError(f'StudentView has {name}={value}: a probability lies in [0, 1].')
        if jitter_strength < 0:
            raise ValueError(f'StudentView has jitter_strength={jitter_strength}: a half-width must not be negative.')
        if not 0 < blur_sigma[0] <= blur_sigma[1]:
            raise ValueError(
                f'StudentView has blur_sigma={tuple(blur_sigma)}: give an ascending pair of positive numbers.'
            )
        if style not in STYLES:
            raise ValueError(f'StudentView has style={style!r}: use one of {", ".join(STYLES)}.')
        self.style = style
        self.jitter_prob = jitter_prob
        self.jitter_strength = jitter_strength
        self.blur_prob = blur_prob
        self.blur_sigma = tuple(blur_sigma)

    def forward(self, views: Mapping[str, View], norm: Normalization) -> View | dict[str, View]:
        """Return the augmented views; labels stay in place."""
        parts = [views[name] for name in self.of]
        images = joined_rows([part.inputs for part in parts])
        rows = self._changed(images, norm).split([len(part) for part in parts])
        made = [replace(part, inputs=x) for part, x in zip(parts, rows, strict=True)]
        return made[0] if len(made) == 1 else dict(zip(self.of, made))

    @torch.no_grad()
    def augment(self, images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Map normalised RGB ``[B, 3, H, W]`` → its view, normalised; ``mean`` and ``std`` [3, 1, 1] are in 0–255.

        Raises:
            ValueError: Images without colours.
        """
        return self._changed(images, Normalization(mean, std))

    def _changed(self, images: Tensor, norm: Normalization) -> Tensor:
        if images.shape[1] != 3:
            raise ValueError(
                f'StudentView jitters colours, but the images have {images.shape[1]} channel(s): load three channels, '
                'or leave out the StudentView.'
            )
        # A blur in bfloat16 would lose the last bits of a pixel.
        with torch.autocast(images.device.type, enabled=False):
            change = self._augment if self.style == 'image' else self._augment_as_released
            return change(images, norm)

    def _augment(self, images: Tensor, norm: Normalization) -> Tensor:
        rgb = norm.unit(images)
        *factors, jitters, sigma, blurs = self._draws(rgb)
        if self.jitter_prob:
            rgb = torch.where(jitters.view(-1, 1, 1, 1), adjust_colors(rgb, *factors), rgb)
        if self.blur_prob:
            rgb = torch.where(blurs.view(-1, 1, 1, 1), self._blur(rgb, sigma), rgb)
        return norm.normalized(rgb)

    def _draws(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Draw for each image ``[B]`` factors of brightness, contrast and saturation, turn of the hue, whether they are
        applied, sigma, and whether that is."""
        options = (self.jitter_strength, *self.blur_sigma, self.jitter_prob, self.blur_prob)
        lowest, width, chances = _ranges(options, rgb.dtype, rgb.device)
        draws = torch.addcmul(lowest, width, torch.rand(7, len(rgb), device=rgb.device, dtype=rgb.dtype))
        jitters, blurs = draws[4::2] < chances
        return *draws[:4], jitters, draws[5], blurs

    def _augment_as_released(self, images: Tensor, norm: Normalization) -> Tensor:
        """Jitter and blur all images or none; the two chances are drawn on the CPU, so that nobody waits for the
        device.
        """
        jitters, blurs = torch.rand(2).tolist()
        if jitters < self.jitter_prob:
            factors, order = draw_jitter(len(images), self.jitter_strength, images.device)
            images = norm.normalized(jitter_colors(norm.unit(images), factors, order))
        if blurs < self.blur_prob:
            low, high = self.blur_sigma
            sigma = low + (high - low) * torch.rand(len(images), device=images.device, dtype=images.dtype)
            images = released_blur(images, sigma)
        return images

    def _blur(self, rgb: Tensor, sigma: Tensor) -> Tensor:
        radius = max(1, round(3 * self.blur_sigma[1]))  # beyond three sigma a Gaussian has lost 99.7 % of its mass
        return gaussian_blur(rgb, sigma, min(radius, min(rgb.shape[-2:]) - 1))


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _ranges(options: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Lower ends and widths of the seven uniform draws of an image, and the two chances, on the device ``[·, 1]``."""
    strength, low, high, jitter_prob, blur_prob = options
    lowest = [1 - strength] * 3 + [-strength, 0, low, 0]
    width = [2 * strength] * 4 + [1, high - low, 1]
    return tuple(
        torch.tensor(x, dtype=dtype, device=device)[:, None] for x in (lowest, width, [jitter_prob, blur_prob])
    )
