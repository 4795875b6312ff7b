"""Colour jitter and blur as DACS, DAFormer, HRDA and MIC released them: those of kornia 0.5.8.

They are not torchvision's, which :mod:`.augment` follows: brightness is added, contrast multiplies, saturation is that
of HSV, and the order is drawn. Hue is the same.

Shapes: B images, three RGB channels in [0, 1], H × W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from .augment import adjust_hue, gaussian_blur

NEGLIGIBLE = 6.0
"""Sigmas from the middle of a kernel at which a tap has lost 2e-8 of its weight, less than float32 holds."""


def add_brightness(rgb: Tensor, factor: Tensor) -> Tensor:
    """Add ``factor`` [B] − 1 to every channel; clamped.

    Example:
        >>> add_brightness(torch.full((1, 3, 1, 1), 0.5), torch.tensor([1.2])).flatten()
        tensor([0.7000, 0.7000, 0.7000])
    """
    return (rgb + (factor - 1).view(-1, 1, 1, 1)).clamp(0, 1)


def scale_contrast(rgb: Tensor, factor: Tensor) -> Tensor:
    """Multiply every channel by ``factor`` [B]; clamped.

    Example:
        >>> scale_contrast(torch.full((1, 3, 1, 1), 0.5), torch.tensor([1.2])).flatten()
        tensor([0.6000, 0.6000, 0.6000])
    """
    return (rgb * factor.view(-1, 1, 1, 1)).clamp(0, 1)


def scale_saturation(rgb: Tensor, factor: Tensor) -> Tensor:
    """Multiply the saturation of HSV by ``factor`` [B], at most up to 1; hue and value stay.

    With value v a channel c becomes v − (v − c) · s'/s, so HSV itself is not needed.

    Example:
        >>> scale_saturation(torch.tensor([0.4, 0.8, 0.6]).view(1, 3, 1, 1), torch.tensor([0.5])).flatten()
        tensor([0.6000, 0.8000, 0.7000])
    """
    value = rgb.amax(1, keepdim=True)
    saturation = (value - rgb.amin(1, keepdim=True)) / value.clamp_min(torch.finfo(rgb.dtype).tiny)
    ratio = torch.minimum(factor.view(-1, 1, 1, 1).clamp_min(0), saturation.clamp_min(1e-8).reciprocal())
    return value - (value - rgb) * ratio


ADJUSTMENTS = (add_brightness, scale_contrast, scale_saturation, adjust_hue)


def jitter_colors(rgb: Tensor, factors: Sequence[Tensor], order: Sequence[int]) -> Tensor:
    """Change brightness, contrast, saturation and hue of each image.

    Args:
        rgb: ``[B, 3, H, W]``.
        factors: Four tensors [B]: around 1 for the first three, in full turns for the hue.
        order: In which order, as a permutation of 0 to 3 of the names above.
    """
    for number in order:
        rgb = ADJUSTMENTS[number](rgb, factors[number])
    return rgb


def draw_jitter(
    count: int, strength: float, device=None, generator: torch.Generator | None = None
) -> tuple[Tensor, list[int]]:
    """Draw the factors of :func:`jitter_colors` for ``count`` images, and one order for all of them.

    The order comes from the CPU's generator, so that nobody waits for the device.

    Args:
        count: B.
        strength: Half-width of the uniform draws; 0.25 in DACS, 0.2 in DAFormer, HRDA and MIC.
        device: Of the factors.
        generator: Of the factors (None: the device's default one).

    Returns:
        Factors ``[4, B]`` and the order.
    """
    factors = (torch.rand(4, count, device=device, generator=generator) * 2 - 1) * strength
    factors[:3] += 1
    return factors, torch.randperm(4).tolist()


def blur_kernel(length: int) -> int:
    """Return the size of the released kernel along an axis of ``length`` pixels, an odd number near a tenth of it.

    Example:
        >>> [blur_kernel(length) for length in (64, 256, 512)]
        [7, 25, 51]
    """
    tenth = ceil(0.1 * length)
    return tenth if tenth % 2 else tenth - 1


def released_blur(images: Tensor, sigma: Tensor) -> Tensor:
    """Blur normalised images ``[B, C, H, W]`` with ``sigma`` [B] in pixels, which the released codes draw up to 1.15.

    Taps that float32 rounds away at that sigma are left out: 15 of 51 remain for images of 512 pixels.

    Example:
        >>> released_blur(torch.ones(1, 3, 32, 32), torch.tensor([1.0])).shape
        torch.Size([1, 3, 32, 32])
    """
    reach = ceil(NEGLIGIBLE * 1.15)
    radii = tuple(min(blur_kernel(length) // 2, reach) for length in images.shape[-2:])
    return gaussian_blur(images, sigma, radii)
