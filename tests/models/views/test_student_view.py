"""The student's view changes colours, never geometry, per image."""

import pytest
import torch

from mmuda.functional import draw_jitter, jitter_colors, released_blur
from mmuda.models.views import Normalization, StudentView, View

MEAN, STD = torch.full((3, 1, 1), 120.0), torch.full((3, 1, 1), 60.0)


@pytest.fixture
def images():
    return (torch.randint(0, 256, (4, 3, 16, 16)) - MEAN) / STD


def test_probability_zero_is_the_plain_image(images):
    torch.testing.assert_close(StudentView(jitter_prob=0, blur_prob=0).augment(images, MEAN, STD), images)


def test_each_image_is_drawn_on_its_own(images):
    same = images[:1].expand(64, -1, -1, -1)
    changed = (StudentView(jitter_prob=0.5, blur_prob=0).augment(same, MEAN, STD) - same).abs().amax((1, 2, 3)) > 1e-3
    assert 15 < changed.sum() < 49
    view = StudentView(jitter_prob=1, blur_prob=0).augment(same, MEAN, STD)
    assert (view[0] - view[1]).abs().max() > 1e-3


def test_a_view_is_a_valid_image_and_keeps_edges_in_place():
    step = torch.zeros(1, 3, 8, 16)
    step[..., 8:] = 255
    view = StudentView(jitter_prob=1, blur_prob=1).augment((step - MEAN) / STD, MEAN, STD) * STD + MEAN
    assert view.min() >= -1e-3
    assert view.max() <= 255 + 1e-3
    assert (view[0].mean((0, 1)).diff().argmax() + 1).item() == 8


def test_draws_repeat_with_the_seed(images):
    view = StudentView()
    torch.manual_seed(1)
    first = view.augment(images, MEAN, STD)
    torch.manual_seed(1)
    assert torch.equal(first, view.augment(images, MEAN, STD))


def test_the_released_form_is_its_functions(images):
    """One chance and one order for the batch, factors and sigma for each image, the blur on normalised images."""
    view = StudentView(jitter_prob=1, blur_prob=1, style='released')
    torch.manual_seed(1)
    ours = view.augment(images, MEAN, STD)
    torch.manual_seed(1)
    torch.rand(2)
    factors, order = draw_jitter(len(images), 0.2)
    jittered = (jitter_colors((images * STD + MEAN) / 255, factors, order) * 255 - MEAN) / STD
    sigma = 0.15 + torch.rand(len(images))
    torch.testing.assert_close(ours, released_blur(jittered, sigma))


def test_the_released_form_changes_all_images_of_a_step_or_none(images):
    torch.manual_seed(0)
    view = StudentView(jitter_prob=0.5, blur_prob=0, style='released')
    changed = [(view.augment(images, MEAN, STD) != images).flatten(1).any(1) for _ in range(40)]
    assert all(x.all() or not x.any() for x in changed)
    assert 10 < sum(x.all().item() for x in changed) < 30


def test_grey_images_have_no_colours_to_jitter(images):
    with pytest.raises(ValueError, match=r'1 channel\(s\).*leave out the StudentView'):
        StudentView().augment(images[:, :1], MEAN, STD)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(jitter_prob=1.1), r'jitter_prob=1\.1'),
        (dict(blur_prob=-0.1), r'blur_prob=-0\.1'),
        (dict(blur_sigma=(2, 1)), 'ascending'),
        (dict(style='kornia'), "style='kornia': use one of image, released"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        StudentView(**options)


def test_views_are_made_of_one_or_in_the_place_of_several(images):
    views = dict(source=View(images[:1], domain='source'), target=View(images[1:], label=torch.zeros(3, 16, 16)))
    norm = Normalization(MEAN, STD)
    made = StudentView(jitter_prob=1)(views, norm)
    assert made.label is views['target'].label
    assert not torch.equal(made.inputs, views['target'].inputs)
    both = StudentView(of=('source', 'target'))
    assert both.makes('pair') == dict(source='source', target='target')
    torch.manual_seed(1)
    made = both(views, norm)
    torch.manual_seed(1)
    assert torch.equal(
        torch.cat([made['source'].inputs, made['target'].inputs]), both.augment(images, norm.mean, norm.std)
    )
    assert made['source'].domain == 'source'
