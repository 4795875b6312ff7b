"""The coordination weight as a component: closed form, switches, errors."""

import math

import pytest
import torch

from mmuda.models.terms import CoordinationWeight


@pytest.fixture
def case():
    logits = torch.randn(3, 4, 6, 5, requires_grad=True)
    label = torch.randint(0, 4, (3, 6, 5))
    valid = torch.rand(3, 6, 5) < 0.7
    valid[2] = False
    return logits, label, valid


def test_closed_form_per_image(case):
    logits, label, valid = case
    weight = CoordinationWeight(alpha=2e-4)(logits, label, 1500, valid)
    for i in range(2):
        agree = [logits[i, :, y, x].argmax().item() == label[i, y, x].item() for y, x in valid[i].nonzero().tolist()]
        assert weight[i].item() == pytest.approx(sum(agree) / len(agree) * (1 - math.exp(-1500 * 2e-4)), rel=1e-6)
    assert weight[2] == 0
    assert not weight.requires_grad


def test_step_may_be_a_buffer_and_step_zero_lets_nothing_in(case):
    logits, label, _ = case
    weight = CoordinationWeight()
    assert torch.equal(weight(logits, label, torch.tensor(700)), weight(logits, label, 700))
    assert weight(logits, label, 0).tolist() == [0, 0, 0]
    assert CoordinationWeight(alpha=0)(logits, label, 10**6).tolist() == [0, 0, 0]


def test_fixed_weight_replaces_the_product(case):
    logits, label, valid = case
    assert CoordinationWeight(fixed=1.0)(logits, label, 0, valid).tolist() == [1, 1, 1]


def test_batch_reduction_counts_all_pixels_together(case):
    logits, label, valid = case
    agree = (logits.argmax(1) == label) & valid
    expected = agree.sum().item() / valid.sum().item() * (1 - math.exp(-0.4))
    weight = CoordinationWeight(alpha=1e-4, reduction='batch')(logits, label, 4000, valid)
    assert weight.tolist() == pytest.approx([expected] * 3)


def test_whole_images_have_a_weight_too():
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    label = torch.tensor([0, 0, 0])
    ramp = 1 - math.exp(-0.3)
    assert CoordinationWeight()(logits, label, 1500).tolist() == pytest.approx([ramp, 0, ramp])
    assert CoordinationWeight(reduction='batch')(logits, label, 1500).tolist() == pytest.approx([ramp * 2 / 3] * 3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(alpha=-1), 'alpha=-1.*alpha >= 0'),
        (dict(reduction='pixel'), "reduction='pixel'.*'image' or 'batch'"),
        (dict(fixed=-0.5), 'fixed=-0.5.*must not be negative'),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        CoordinationWeight(**options)
