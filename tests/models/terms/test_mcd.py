"""MCD by gradient reversal: its value, and who climbs and who descends."""

import copy
import math

import pytest
import torch
from torch import nn

from mmuda.models.heads import TwoClassifierHead
from mmuda.models.terms import MCD
from mmuda.models.views import View
from mmuda.registry import MODELS


class TinyHead(nn.Module):
    """A linear classifier of mmpretrain's shape."""

    def __init__(self, in_channels=4, num_classes=3):
        super().__init__()
        self.in_channels, self.num_classes = in_channels, num_classes
        self.fc = nn.Linear(in_channels, num_classes)

    def forward(self, feats):
        return self.fc(feats[-1])


@pytest.fixture
def student():
    MODELS.register_module(module=TinyHead, force=True)
    net = nn.Module()
    net.head = TwoClassifierHead(classifier=dict(type='mmuda.TinyHead'))
    return net.double()


@pytest.fixture
def attached(student):
    term = MCD(ramp_steps=100, high=0.5, loss_weight=0.3)
    term.attach(student)
    return term


def discrepancy(head, x):
    p, q = (x @ c.fc.weight.T + c.fc.bias for c in head.classifiers)
    p, q = (scores.exp() / scores.exp().sum(1, keepdim=True) for scores in (p, q))
    return (p - q).abs().mean()


def test_classifiers_climb_and_features_descend(attached, student, views):
    """In float64 against the discrepancy typed again: gradients −w·∂d for classifiers, +w·λ·∂d for target features."""
    source, target = views(5, 2)
    result = attached(source, target, torch.tensor(7))
    result['loss'].backward()
    again = target.features['neck'][0].detach().clone().requires_grad_()
    parameters = list(student.head.parameters())
    found = [parameter.grad.clone() for parameter in parameters]
    value = discrepancy(student.head, again)
    *expected, of_features = torch.autograd.grad(value, [*parameters, again])
    torch.testing.assert_close(result['loss'], -0.3 * value)
    torch.testing.assert_close(result['target_discrepancy'], value.detach())
    on_source = discrepancy(student.head, source.features['neck'][0]).detach()
    torch.testing.assert_close(result['source_discrepancy'], on_source)
    for gradient, wanted in zip(found, expected):
        torch.testing.assert_close(gradient, -0.3 * wanted)
    coefficient = 0.5 * (2 / (1 + math.exp(-10 * 7 / 100)) - 1)
    assert result['coefficient'].item() == pytest.approx(coefficient, abs=1e-6)
    gradient = target.features['neck'][0].grad
    torch.testing.assert_close(gradient, 0.3 * coefficient * of_features, rtol=1e-5, atol=1e-10)
    assert gradient.abs().sum() > 0
    assert (source.features['neck'][0].grad == 0).all()


def test_the_ramp_starts_at_0_and_scales_the_features_alone(attached, student, views):
    source, target = views(5, 2)
    attached(source, target, torch.tensor(0))['loss'].backward()
    assert (target.features['neck'][0].grad == 0).all()
    assert all(parameter.grad.abs().sum() > 0 for parameter in student.head.parameters())


def test_the_head_stays_the_students(attached, student):
    """Neither parameters nor checkpoints of the term have it, and a copy of both belongs together."""
    assert list(attached.parameters()) == []
    assert attached.state_dict() == {}
    pair = nn.ModuleDict(dict(student=student, term=attached))
    names = [name for name, _ in pair.named_parameters()]
    assert len(names) == 4
    assert all(name.startswith('student.head.') for name in names)
    twin = copy.deepcopy(pair)
    assert twin['term']._heads[0] is twin['student'].head
    assert twin['student'].head is not student.head


def test_classifiers_that_agree_cost_nothing(attached, student, views):
    first, second = student.head.classifiers
    second.load_state_dict(first.state_dict())
    result = attached(*views(5, 2), torch.tensor(50))
    assert result['loss'] == 0
    assert result['source_discrepancy'] == 0


def test_bad_input_is_named(attached, student, views):
    student.head = TinyHead()
    with pytest.raises(TypeError, match=r"MCD compares two classifiers.* TinyHead: set head=dict\(type='mmuda\.Two"):
        MCD().attach(student)
    with pytest.raises(TypeError, match='head is a NoneType'):
        MCD().attach(nn.Module())
    with pytest.raises(ValueError, match='ramp_steps=0'):
        MCD(ramp_steps=0)
    maps = View(torch.zeros(2, 1), dict(neck=torch.zeros(2, 4, 3, 3)), None)
    with pytest.raises(ValueError, match='MCD aligns vectors'):
        attached(maps, maps, torch.tensor(0))
