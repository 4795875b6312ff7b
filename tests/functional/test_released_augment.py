"""kornia 0.5.8's jitter and blur: stored vectors of each adjustment, of all in a drawn order, and of the kernel."""

import colorsys
import math

import pytest
import torch

from mmuda.functional import blur_kernel, draw_jitter, gaussian_blur, jitter_colors, released_blur
from mmuda.functional.released_augment import ADJUSTMENTS, scale_saturation

NAMES = ('brightness', 'contrast', 'saturation', 'hue')


def wave(shape: tuple, a: float, b: float) -> torch.Tensor:
    """The stored vectors' image, by its formula."""
    count = math.prod(shape)
    i = torch.arange(count, dtype=torch.float64)
    return (a * torch.sin(b * i) + 0.3 * a * torch.cos(1.3 * b * i * i / count)).view(shape).float()


@pytest.mark.parametrize('number', range(4))
def test_each_adjustment(segmentation_vectors, number):
    inputs, outputs = segmentation_vectors('daformer.color_jitter')
    ours = ADJUSTMENTS[number](torch.tensor(inputs['image']), torch.tensor(inputs[NAMES[number]]))
    torch.testing.assert_close(ours, torch.tensor(outputs[NAMES[number]]), atol=1e-5, rtol=0)


def test_all_in_their_order(segmentation_vectors):
    inputs, outputs = segmentation_vectors('daformer.color_jitter')
    factors = [torch.tensor(inputs[name]) for name in NAMES]
    ours = jitter_colors(torch.tensor(inputs['image']), factors, inputs['order'])
    torch.testing.assert_close(ours, torch.tensor(outputs['all']), atol=1e-5, rtol=0)


def test_saturation_is_that_of_hsv():
    rgb = torch.rand(1, 3, 4, 5, dtype=torch.float64)
    rgb[..., 0, 0], rgb[..., 0, 1] = 0, 0.5
    for factor in (0.0, 0.6, 1.7):
        ours = scale_saturation(rgb, torch.tensor([factor], dtype=torch.float64))
        for before, after in zip(rgb[0].flatten(1).T.tolist(), ours[0].flatten(1).T.tolist()):
            h, s, v = colorsys.rgb_to_hsv(*before)
            assert after == pytest.approx(colorsys.hsv_to_rgb(h, min(s * factor, 1), v), abs=1e-9)


def test_draws():
    factors, order = draw_jitter(1000, 0.2, generator=torch.Generator().manual_seed(0))
    assert factors.shape == (4, 1000)
    assert sorted(order) == [0, 1, 2, 3]
    for number, middle in enumerate((1, 1, 1, 0)):
        assert factors[number].min() >= middle - 0.2
        assert factors[number].max() <= middle + 0.2
        assert factors[number].mean().item() == pytest.approx(middle, abs=0.02)


def test_kernel_sizes(segmentation_vectors):
    inputs, outputs = segmentation_vectors('dacs.blur_kernel_size')
    assert [blur_kernel(length) for length in inputs['h']] == outputs['kernel']


def test_the_released_blur(segmentation_vectors):
    inputs, outputs = segmentation_vectors('daformer.blur')
    blurred = released_blur(wave((1, 3, 20, 31), a=1, b=0.21), torch.tensor(inputs['sigma']))
    rows = blurred[0, :, [0, 10, 19]]
    torch.testing.assert_close(rows, torch.tensor(outputs['rows_0_10_19']).view_as(rows), atol=1e-5, rtol=0)


def test_taps_that_are_left_out_change_nothing():
    image, sigma = torch.randn(2, 3, 256, 300), torch.tensor([0.15, 1.15])
    whole = gaussian_blur(image, sigma, (blur_kernel(256) // 2, blur_kernel(300) // 2))
    torch.testing.assert_close(released_blur(image, sigma), whole, atol=1e-6, rtol=0)
