"""Photometric augmentation of a batch on its own device, every image with its own draw.

Colour jitter and Gaussian blur as strong views use them (DAFormer, Hoyer et al., CVPR 2022:
strength 0.2, blur sigma 0.15–1.15), applied per image rather than per batch, without a host
synchronisation and without moving a pixel, so that labels stay valid. Shapes: B images, three RGB
channels, H × W pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in torchvision's rgb_to_grayscale


def _luma(rgb: Tensor) -> Tensor:
    """``[B, 3, H, W]`` → ``[B, 1, H, W]``."""
    red, green, blue = rgb.unbind(1)
    return (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue).unsqueeze(1)


def _blend(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    return (second + weight.view(-1, 1, 1, 1) * (first - second)).clamp(0, 1)


def adjust_brightness(rgb: Tensor, factor: Tensor) -> Tensor:
    """Scale ``[B, 3, H, W]`` in [0, 1] by ``factor`` [B], clamped."""
    return (rgb * factor.view(-1, 1, 1, 1)).clamp(0, 1)


def adjust_contrast(rgb: Tensor, factor: Tensor) -> Tensor:
    """Blend with the mean luma of each image; ``factor`` [B], 1 keeps it."""
    return _blend(rgb, _luma(rgb).mean((2, 3), keepdim=True), factor)


def adjust_saturation(rgb: Tensor, factor: Tensor) -> Tensor:
    """Blend with each image's luma; ``factor`` [B], 1 keeps it."""
    return _blend(rgb, _luma(rgb), factor)


def adjust_hue(rgb: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of ``[B, 3, H, W]`` in [0, 1] by ``turn`` [B], in full turns; value and saturation stay.

    The HSV formula without a branch: a channel of hue h is ``v - v·s·clamp(min(k, 4 - k), 0, 1)``
    with ``k = (offset + 6h) mod 6`` and offsets 5, 3, 1 for red, green and blue.
    """
    value, brightest = rgb.max(1)
    chroma = value - rgb.amin(1)
    red, green, blue = rgb.unbind(1)
    scale = chroma.clamp_min(torch.finfo(rgb.dtype).tiny)
    sector = torch.where(
        brightest == 0,
        (green - blue) / scale,
        torch.where(brightest == 1, 2 + (blue - red) / scale, 4 + (red - green) / scale),
    )
    sector = sector + 6 * turn.view(-1, 1, 1)
    k = torch.stack((sector + 5, sector + 3, sector + 1), 1).remainder(6)
    return value.unsqueeze(1) - chroma.unsqueeze(1) * torch.minimum(k, 4 - k).clamp(0, 1)


def color_jitter(rgb: Tensor, strength: float, generator: torch.Generator | None = None) -> Tensor:
    """Brightness, contrast, saturation in 1 ± ``strength`` and hue in ± ``strength`` turns, drawn per image.

    Args:
        rgb: ``[B, 3, H, W]`` in [0, 1].
        strength: Half-width of the uniform draws.
        generator: Where the draws come from (None: the device's default generator).
    """
    draw = torch.rand(4, len(rgb), device=rgb.device, dtype=rgb.dtype, generator=generator) * 2 - 1
    brightness, contrast, saturation, turn = draw * strength
    rgb = adjust_contrast(adjust_brightness(rgb, 1 + brightness), 1 + contrast)
    return adjust_hue(adjust_saturation(rgb, 1 + saturation), turn)


def gaussian_blur(images: Tensor, sigma: Tensor, radius: int | tuple[int, int]) -> Tensor:
    """Separable Gaussian blur of ``[B, C, H, W]`` with one ``sigma`` [B] (pixels) an image, borders reflected.

    The kernel has ``2·radius + 1`` taps along each axis, so a column and a row pass cost O(radius) each instead of
    O(radius²).

    Args:
        images: ``[B, C, H, W]``.
        sigma: ``[B]``.
        radius: Along both axes, or (along H, along W).
    """
    batch, channels, height, width = images.shape
    down, across = (radius, radius) if isinstance(radius, int) else radius
    x = images.reshape(1, batch * channels, height, width)
    column, row = _taps(sigma, down, channels), _taps(sigma, across, channels)
    x = F.conv2d(F.pad(x, (0, 0, down, down), 'reflect'), column[..., None], groups=batch * channels)
    x = F.conv2d(F.pad(x, (across, across, 0, 0), 'reflect'), row[..., None, :], groups=batch * channels)
    return x.view_as(images)


def _taps(sigma: Tensor, radius: int, channels: int) -> Tensor:
    """The kernel of each channel of each image, ``[B · channels, 1, 2 · radius + 1]``."""
    taps = torch.arange(-radius, radius + 1, device=sigma.device, dtype=sigma.dtype)
    kernel = torch.exp(-0.5 * (taps / sigma.view(-1, 1)) ** 2)
    return (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(channels, 0).unsqueeze(1)
