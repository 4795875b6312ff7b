"""Photometric augmentation of a batch on its own device, every image with its own draw.

Colour jitter and Gaussian blur as strong views use them (DAFormer, Hoyer et al., CVPR 2022:
strength 0.2, blur sigma 0.15–1.15), applied per image rather than per batch, without a host
synchronisation and without moving a pixel, so that labels stay valid. Shapes: B images, three RGB
channels, H × W pixels.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in torchvision's rgb_to_grayscale
_SECTORS = (5.0, 3.0, 1.0)  # where red, green and blue begin on the hexagon of hues
_PEAKS = (0.0, 2.0, 4.0)  # where each is the only one


@lru_cache(maxsize=32)
@torch.inference_mode(False)
def _channels(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a number a channel ``[3, 1, 1]``, moved to the device once."""
    return torch.tensor(values, dtype=dtype, device=device).view(-1, 1, 1)


def _luma(rgb: Tensor) -> Tensor:
    """Map ``[B, 3, H, W]`` → ``[B, 1, H, W]``."""
    return (rgb * _channels(_LUMA, rgb.dtype, rgb.device)).sum(1, keepdim=True)


def _blend(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    return torch.lerp(second, first, weight.view(-1, 1, 1, 1)).clamp_(0, 1)


def adjust_brightness(rgb: Tensor, factor: Tensor) -> Tensor:
    """Scale ``[B, 3, H, W]`` in [0, 1] by ``factor`` [B], clamped."""
    return (rgb * factor.view(-1, 1, 1, 1)).clamp_(0, 1)


def adjust_contrast(rgb: Tensor, factor: Tensor) -> Tensor:
    """Blend with the mean luma of each image; ``factor`` [B], 1 keeps it."""
    return _blend(rgb, _luma(rgb.mean((2, 3), keepdim=True)), factor)


def adjust_saturation(rgb: Tensor, factor: Tensor) -> Tensor:
    """Blend with each image's luma; ``factor`` [B], 1 keeps it."""
    return _blend(rgb, _luma(rgb), factor)


def adjust_hue(rgb: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of ``[B, 3, H, W]`` in [0, 1] by ``turn`` [B], in full turns; value and saturation stay.

    The HSV formula without a branch: a channel of hue h is ``v - v·s·clamp(min(k, 4 - k), 0, 1)``
    with ``k = (offset + 6h) mod 6`` and offsets 5, 3, 1 for red, green and blue.
    """
    value, brightest = rgb.max(1, keepdim=True)
    chroma = value - rgb.amin(1, keepdim=True)
    differences = torch.linalg.cross(rgb, _channels((1.0,) * 3, rgb.dtype, rgb.device)[None], dim=1)
    peaks = _channels(_PEAKS, rgb.dtype, rgb.device)
    sectors = torch.addcdiv(peaks, differences, chroma.clamp_min(torch.finfo(rgb.dtype).tiny))
    sector = sectors.gather(1, brightest)
    offset = torch.add(_channels(_SECTORS, rgb.dtype, rgb.device), turn.view(-1, 1, 1, 1), alpha=6)
    k = (sector + offset).remainder_(6)
    return torch.addcmul(value, chroma, torch.minimum(k, 4 - k).clamp_(0, 1), value=-1)


def color_jitter(rgb: Tensor, strength: float, generator: torch.Generator | None = None) -> Tensor:
    """Draw brightness, contrast and saturation in 1 ± ``strength``, and hue in ± ``strength`` turns, for each image.

    Args:
        rgb: ``[B, 3, H, W]`` in [0, 1].
        strength: Half-width of the uniform draws.
        generator: Where the draws come from (None: the device's default generator).
    """
    draw = torch.rand(4, len(rgb), device=rgb.device, dtype=rgb.dtype, generator=generator) * 2 - 1
    brightness, contrast, saturation, turn = draw * strength
    return adjust_colors(rgb, 1 + brightness, 1 + contrast, 1 + saturation, turn)


def adjust_colors(rgb: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, turn: Tensor) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order, each by a factor or a turn an image ``[B]``."""
    rgb = adjust_contrast(adjust_brightness(rgb, brightness), contrast)
    return adjust_hue(adjust_saturation(rgb, saturation), turn)


def gaussian_blur(images: Tensor, sigma: Tensor, radius: int | tuple[int, int]) -> Tensor:
    """Blur ``[B, C, H, W]`` by a separable Gaussian with one ``sigma`` [B] (pixels) an image; borders are reflected.

    The kernel has ``2·radius + 1`` taps along each axis, so a column and a row pass cost O(radius) each instead of
    O(radius²).

    Args:
        images: ``[B, C, H, W]``.
        sigma: ``[B]``.
        radius: Along both axes, or (along H, along W).
    """
    batch, channels, height, width = images.shape
    down, across = (radius, radius) if isinstance(radius, int) else radius
    x = F.pad(images.reshape(1, batch * channels, height, width), (across, across, down, down), 'reflect')
    column = _taps(sigma, down, channels)
    row = column if across == down else _taps(sigma, across, channels)
    x = F.conv2d(x, column[..., None], groups=batch * channels)
    return F.conv2d(x, row[..., None, :], groups=batch * channels).view_as(images)


def _taps(sigma: Tensor, radius: int, channels: int) -> Tensor:
    """Return the kernel of each channel of each image, ``[B · channels, 1, 2 · radius + 1]``, with the sum 1."""
    exponents = _channels(tuple(-0.5 * tap**2 for tap in range(-radius, radius + 1)), sigma.dtype, sigma.device)
    exponents = exponents.view(-1) / sigma.square().view(-1, 1, 1).expand(-1, channels, 1)
    return exponents.softmax(2).view(-1, 1, 2 * radius + 1)
