"""FDA's exchange of amplitudes: both released windows, identities of the spectrum, what is refused."""

import pytest
import torch

from mmuda.functional import fourier_style, low_frequencies


def test_the_released_demo(segmentation_vectors):
    inputs, outputs = segmentation_vectors('fda.numpy')
    source, target = (torch.tensor(inputs[name], dtype=torch.float64) for name in ('source', 'target'))
    for name, beta in (('L015', 0.15), ('L005', 0.05)):
        released = torch.tensor(outputs[name], dtype=torch.float64)
        torch.testing.assert_close(fourier_style(source, target, beta, 'centre'), released, atol=1e-5, rtol=0)


def test_the_window_of_the_released_training(segmentation_vectors):
    inputs, outputs = segmentation_vectors('fda.torch_window')
    for name, beta in (('L03', 0.3), ('L01', 0.1)):
        mask = low_frequencies(tuple(inputs['shape']), beta, 'corners')
        assert mask.int().tolist() == outputs[name]


def images(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(2, 2, 3, 12, 16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).mul(255)


@pytest.mark.parametrize('beta', [0.1, 0.25])
def test_amplitudes_are_exchanged_and_phases_stay(beta):
    source, target = images()
    spectrum = torch.fft.fft2(fourier_style(source, target, beta, 'centre'))
    mask = low_frequencies((12, 16), beta, 'centre')
    before = torch.fft.fft2(source)
    torch.testing.assert_close(spectrum.abs(), torch.where(mask, torch.fft.fft2(target).abs(), before.abs()))
    torch.testing.assert_close(spectrum / spectrum.abs(), before / before.abs())


@pytest.mark.parametrize('window', ['centre', 'corners'])
@pytest.mark.parametrize('beta', [0.1, 0.25])
def test_its_own_style_changes_nothing(window, beta):
    source, _ = images()
    torch.testing.assert_close(fourier_style(source, source, beta, window), source)


def test_the_smallest_window():
    source, target = images()
    mean = fourier_style(source, target, 0.0, 'centre')
    torch.testing.assert_close(mean.mean((-1, -2)), target.mean((-1, -2)))
    torch.testing.assert_close(fourier_style(source, target, 0.0, 'corners'), source)


def test_a_batch_is_its_images():
    source, target = images()
    one = fourier_style(source[1], target[1], 0.2, 'corners')
    torch.testing.assert_close(fourier_style(source, target, 0.2, 'corners')[1], one)
    assert fourier_style(source.byte(), target.byte(), 0.1).dtype == torch.float32


@pytest.mark.parametrize(
    'arguments, sentence',
    [
        (dict(window='middle'), "window='middle' is unknown: use one of centre, corners"),
        (dict(beta=0.7), 'beta=0.7 is no half side of a window'),
        (dict(target=torch.zeros(3, 4, 4)), 'crop or resize one of them'),
    ],
)
def test_what_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        fourier_style(**dict(source=torch.zeros(3, 8, 8), target=torch.zeros(3, 8, 8), beta=0.1) | arguments)
