"""Photometric augmentation against colorsys, dense convolution and closed forms."""

import colorsys

import pytest
import torch
from torch.nn import functional as F

from mmuda.functional import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    color_jitter,
    gaussian_blur,
)


def test_hue_follows_the_hsv_formula_pixel_by_pixel():
    rgb = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    rgb[0, :, 0, 0] = 0.3  # grey has no hue
    turn = torch.tensor([0.13, -0.4], dtype=torch.float64)
    result = adjust_hue(rgb, turn)
    for b in range(2):
        for y in range(4):
            for x in range(5):
                hue, saturation, value = colorsys.rgb_to_hsv(*rgb[b, :, y, x].tolist())
                wanted = colorsys.hsv_to_rgb((hue + turn[b].item()) % 1, saturation, value)
                assert result[b, :, y, x].tolist() == pytest.approx(wanted, abs=1e-12)


def test_hue_survives_black_and_whole_turns():
    rgb = torch.rand(1, 3, 4, 4)
    rgb[..., 0] = 0
    torch.testing.assert_close(adjust_hue(rgb, torch.ones(1)), rgb)


@pytest.mark.parametrize('adjust', [adjust_brightness, adjust_contrast, adjust_saturation])
def test_a_factor_of_one_changes_nothing(adjust):
    rgb = torch.rand(2, 3, 6, 6)
    torch.testing.assert_close(adjust(rgb, torch.ones(2)), rgb)


def test_factor_zero_is_black_the_mean_luma_and_grey():
    rgb = torch.rand(2, 3, 6, 6)
    luma = (rgb * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    zero = torch.zeros(2)
    assert adjust_brightness(rgb, zero).abs().max() == 0
    torch.testing.assert_close(adjust_contrast(rgb, zero), luma.mean((2, 3), keepdim=True).expand_as(rgb))
    torch.testing.assert_close(adjust_saturation(rgb, zero), luma.expand_as(rgb))


def test_separable_blur_equals_a_dense_gaussian_with_each_images_sigma():
    images = torch.rand(2, 3, 9, 11, dtype=torch.float64)
    sigma, radius = torch.tensor([0.5, 1.3], dtype=torch.float64), 3
    result = gaussian_blur(images, sigma, radius)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    for b in range(2):
        kernel = torch.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * sigma[b] ** 2))
        kernel = (kernel / kernel.sum()).expand(3, 1, -1, -1)
        padded = F.pad(images[b : b + 1], (radius,) * 4, 'reflect')
        torch.testing.assert_close(result[b : b + 1], F.conv2d(padded, kernel, groups=3))


def test_jitter_draws_per_image_and_repeats_with_a_generator():
    rgb = torch.rand(1, 3, 8, 8).expand(2, -1, -1, -1)
    first = color_jitter(rgb, 0.2, torch.Generator().manual_seed(3))
    again = color_jitter(rgb, 0.2, torch.Generator().manual_seed(3))
    assert torch.equal(first, again)
    assert not torch.allclose(first[0], first[1], atol=1e-3)
    assert first.min() >= 0
    assert first.max() <= 1
    torch.testing.assert_close(color_jitter(rgb, 0.0), rgb)
