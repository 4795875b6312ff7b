"""FDA's view: its formula on images of 0-255, pairs of unequal batches, and what is refused."""

import pytest
import torch

from mmuda.functional import fourier_style
from mmuda.models.views import FourierStyle, Normalization, View

NORM = Normalization(torch.tensor([120.0, 110, 100]).view(3, 1, 1), torch.tensor([60.0, 50, 40]).view(3, 1, 1))


def views(sources: int = 3, targets: int = 2) -> dict[str, View]:
    torch.manual_seed(0)
    images = torch.rand(sources + targets, 3, 16, 20) * 255
    source, target = ((images - NORM.mean) / NORM.std).split([sources, targets])
    return dict(source=View(source, domain='source', label=torch.zeros(sources, 16, 20)), target=View(target))


@pytest.mark.parametrize('window', ['corners', 'centre'])
def test_images_take_the_style_of_their_partner(window):
    given = views()
    made = FourierStyle(beta=0.2, window=window)(given, NORM)
    for number, partner in enumerate((0, 1, 0)):
        source, target = (
            x * NORM.std + NORM.mean for x in (given['source'].inputs[number], given['target'].inputs[partner])
        )
        wanted = (fourier_style(source, target, 0.2, window) - NORM.mean) / NORM.std
        torch.testing.assert_close(made.inputs[number], wanted, atol=1e-4, rtol=1e-4)
    assert made.label is given['source'].label
    assert made.domain == 'source'


def test_it_reads_both_views_and_keeps_the_type():
    maker = FourierStyle(beta=0.2)
    assert maker.reads == ('source', 'target')
    given = {name: View(view.inputs.bfloat16(), domain=name) for name, view in views().items()}
    with torch.autocast('cpu', torch.bfloat16):
        assert maker(given, NORM).inputs.dtype == torch.bfloat16


def test_beta_0_gives_the_mean_colour_alone():
    given = views()
    made = FourierStyle(beta=0.0, window='centre')(given, NORM)
    wanted = given['target'].inputs[[0, 1, 0]].mean((2, 3), keepdim=True)
    before = given['source'].inputs
    torch.testing.assert_close(made.inputs, before - before.mean((2, 3), keepdim=True) + wanted, atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match=r'beta=0\.0, less than one frequency'):
        FourierStyle(beta=0.0, window='corners')(given, NORM)


def test_a_window_without_a_frequency_is_refused():
    with pytest.raises(ValueError, match=r'beta=0\.01, less than one frequency of images of 16×20 pixels'):
        FourierStyle(beta=0.01)(views(), NORM)


@pytest.mark.parametrize('options', [dict(beta=0.6), dict(window='middle')])
def test_wrong_options_are_refused_when_built(options):
    with pytest.raises(ValueError, match=str(next(iter(options.values())))):
        FourierStyle(**options)
