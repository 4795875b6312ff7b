"""The schedule is LinearLR and PolyLR in a row, to the bit, and scales with the length of the training."""

import warnings

import pytest
import torch
from mmengine.optim import LinearLR, PolyLR

from mmuda.engine.schedulers import WarmupPolyLR


def rates(build, steps, lr=6e-5):
    """The rates of each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(()))], lr=lr)
    schedulers, found = build(optimizer), []
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for _ in range(steps):
            found.append(optimizer.param_groups[0]['lr'])
            for scheduler in schedulers:
                scheduler.step()
    return found


@pytest.mark.parametrize(
    'steps, warmup, power, eta_min', [(40, 0.25, 1.0, 0.0), (90, 1 / 3, 0.9, 1e-6), (20, 0.1, 2, 0)]
)
def test_it_is_mmengines_two_in_a_row_to_the_bit(steps, warmup, power, eta_min):
    border = round(steps * warmup)
    pair = rates(
        lambda optimizer: [
            LinearLR(optimizer, start_factor=1e-3, by_epoch=False, begin=0, end=border),
            PolyLR(optimizer, eta_min=eta_min, power=power, by_epoch=False, begin=border, end=steps),
        ],
        steps,
    )
    own = rates(
        lambda optimizer: [WarmupPolyLR(optimizer, warmup, start_factor=1e-3, power=power, eta_min=eta_min, end=steps)],
        steps,
    )
    assert own == pair
    assert max(own) == pytest.approx(6e-5)
    assert own[-1] == pytest.approx(eta_min, abs=1e-18)


def test_the_released_rates(segmentation_vectors):
    inputs, outputs = segmentation_vectors('daformer.lr')
    found = rates(
        lambda optimizer: [WarmupPolyLR(optimizer, 0.0375, end=40000, style='released')], 40000, inputs['base'][0]
    )
    for step, rate in zip(inputs['t'], outputs['lr_times_1e5'], strict=True):
        assert found[step] * 1e5 == pytest.approx(rate, rel=1e-5, abs=1e-7), step


@pytest.mark.parametrize('warmup, power, eta_min', [(0.25, 1.0, 0.0), (0.2, 0.9, 1e-6), (0.0, 2, 0)])
def test_the_released_style_is_a_product(warmup, power, eta_min):
    border = 40 * warmup
    found = rates(
        lambda optimizer: [WarmupPolyLR(optimizer, warmup, 1e-3, power, eta_min, style='released', end=40)], 40
    )
    for step, rate in enumerate(found):
        share = 1 - (1 - 1e-3) * (1 - step / border) if step < border else 1
        assert rate == pytest.approx(share * (eta_min + (6e-5 - eta_min) * (1 - step / 40) ** power), rel=1e-9), step


def test_the_cut_rates(segmentation_vectors):
    """To the seven digits that the released function was written down with; its last step is a step after ours."""
    inputs, outputs = segmentation_vectors('vfmuda.lr_factor')
    found = rates(lambda optimizer: [WarmupPolyLR(optimizer, 0.0375, 1e-3, style='cut', end=40000)], 40000)
    for step, factor in [*zip(inputs['step'], outputs['factor'], strict=True)][:-1]:
        assert found[step] / 6e-5 == pytest.approx(factor, rel=1e-5, abs=1e-6), step
    assert outputs['factor'][-1] == 0


@pytest.mark.parametrize('warmup, power, eta_min', [(0.25, 1.0, 0.0), (0.2, 0.9, 1e-6), (0.0, 2, 0)])
def test_the_cut_style_is_a_warm_up_and_then_the_whole_decay(warmup, power, eta_min):
    found = rates(lambda optimizer: [WarmupPolyLR(optimizer, warmup, 1e-3, power, eta_min, style='cut', end=40)], 40)
    for step, rate in enumerate(found):
        share = 1e-3 + (1 - 1e-3) * step / (40 * warmup - 1)
        decayed = eta_min + (6e-5 - eta_min) * (1 - step / 40) ** power
        assert rate == pytest.approx(6e-5 * share if step < 40 * warmup else decayed, rel=1e-9), step


@pytest.mark.parametrize('steps', [1, 2, 3, 6, 13, 27, 54, 100, 4000])
def test_a_training_of_any_length_reaches_the_full_rate(steps):
    """With the warm-up of our configs; a short one has none."""
    found = rates(lambda optimizer: [WarmupPolyLR(optimizer, 0.0375, end=steps)], steps)
    assert max(found) == pytest.approx(6e-5)
    assert found.index(max(found)) <= max(0.0375 * steps, 1)
    assert found[:-1] == [rate for rate in found[:-1] if rate > 0]


def test_bad_options_are_named():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(()))], lr=1.0)
    with pytest.raises(ValueError, match=r'warmup=150 .*a share of the training in \[0, 1\)'):
        WarmupPolyLR(optimizer, 150, end=1000)
    with pytest.raises(ValueError, match="style='product': use one of in_a_row, released, cut"):
        WarmupPolyLR(optimizer, 0.1, style='product', end=1000)
    with pytest.raises(ValueError, match='has no end'):
        WarmupPolyLR(optimizer, 0.1)
