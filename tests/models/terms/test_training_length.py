"""Ramps and ascents follow the length of the training."""

import pytest
import torch

from mmuda.models.terms import CoordinationWeight
from mmuda.models.terms.adversarial import AdversarialTerm
from mmuda.models.terms.training_length import FollowsLength
from mmuda.registry import MODELS, build_own

LENGTH = 400
RAMPED = {
    'DANN': dict(in_channels=4),
    'CDAN': dict(in_channels=4, num_classes=3, entropy=True),
    'MDD': dict(in_channels=4, num_classes=3, channels=None),
    'MCD': dict(),
}


def term(kind, **options):
    built = build_own(MODELS, dict(type=kind, **RAMPED[kind], **options))
    built.length = LENGTH
    return built


@pytest.mark.parametrize('kind', RAMPED)
def test_a_share_is_so_many_steps(kind):
    assert term(kind, ramp_steps=0.25).steps(0.25, 'ramp_steps') == 100
    assert term(kind, ramp_steps=1.0).steps(1.0, 'ramp_steps') == LENGTH
    assert term(kind, ramp_steps=100).steps(100, 'ramp_steps') == 100
    assert term(kind, ramp_steps=1).steps(1, 'ramp_steps') == 1
    with pytest.raises(ValueError, match=rf'{kind}\.ramp_steps=100\.0 is neither: write a share'):
        term(kind, ramp_steps=100.0)


@pytest.mark.parametrize('kind', ['DANN', 'CDAN'])
def test_the_coefficient_follows(kind):
    share, steps = term(kind, ramp_steps=0.25), term(kind, ramp_steps=100)
    assert isinstance(share, AdversarialTerm)
    for step in (0, 30, 100, LENGTH):
        assert torch.equal(share.coefficient(torch.tensor(step)), steps.coefficient(torch.tensor(step)))


@pytest.mark.parametrize('kind', RAMPED)
def test_a_share_of_an_unknown_length_is_one_sentence(kind):
    built = term(kind, ramp_steps=0.25)
    built.length = None
    with pytest.raises(
        RuntimeError, match=rf'{kind} has ramp_steps=0.25, a share of the training, whose length nobody'
    ):
        built.steps(built.ramp_steps, 'ramp_steps')


def test_the_entropy_has_a_ramp_of_its_own():
    with pytest.raises(ValueError, match=r'CDAN\.entropy_ramp_steps=2\.0 is neither'):
        term('CDAN', entropy_ramp_steps=2.0)


def test_alpha_is_for_its_horizon():
    """The same ascent in the same share of the training; its own steps where no length or no horizon is known."""
    agreement = torch.ones(2)
    paper = CoordinationWeight(alpha=2e-4, horizon=40000)
    short = CoordinationWeight(alpha=2e-4, horizon=40000)
    paper.length, short.length = 40000, LENGTH
    plain = CoordinationWeight(alpha=2e-4)
    plain.length = LENGTH
    for share in (0.0, 0.1, 0.5, 1.0):
        whole = paper.weigh(agreement, int(share * 40000))
        assert torch.allclose(short.weigh(agreement, int(share * LENGTH)), whole, atol=1e-7)
        assert torch.equal(plain.weigh(agreement, int(share * 40000)), whole)
    assert isinstance(paper, FollowsLength)


def test_a_horizon_is_a_number_of_steps():
    with pytest.raises(ValueError, match='CoordinationWeight has horizon=0: give a number of steps'):
        CoordinationWeight(horizon=0)
