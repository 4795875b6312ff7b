"""The feature-distance term: frozen reference, source only, part of the checkpoint."""

import pytest
import torch
from torch import nn

from mmuda.functional import masked_feature_distance, thing_mask
from mmuda.models.terms import FeatureDistance
from mmuda.models.views import View


class Backbone(nn.Sequential):
    def train(self, mode=True):
        """Returns nothing, as some of mmseg's backbones do."""
        super().train(mode)


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone(nn.Conv2d(3, 4, 2, stride=2), nn.Dropout(0.5))


@pytest.fixture
def case():
    student = Student()
    term = FeatureDistance(classes=[1, 2])
    term.attach(student)
    inputs = torch.randn(2, 3, 8, 8)
    label = torch.randint(0, 4, (2, 2, 2)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    student.backbone[0].weight.data += 0.1
    features = student.backbone[0](inputs)
    return student, term, View(inputs, dict(backbone=(features,)), features, label)


def test_it_is_the_weighted_masked_distance_to_the_initial_encoder(case):
    _, term, source = case
    term.train()
    reference = term.reference[0](source.inputs)
    features = source.features['backbone'][0]
    expected = masked_feature_distance(
        features, reference, thing_mask(source.label, torch.tensor([1, 2]), (4, 4), 0.75)
    )
    assert expected > 0
    assert term(source, torch.tensor(0))['loss'].item() == pytest.approx(0.005 * expected.item())


def test_gradients_reach_the_student_and_not_the_reference(case):
    student, term, source = case
    term(source, torch.tensor(0))['loss'].backward()
    assert student.backbone[0].weight.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in term.parameters())
    assert 'reference.0.weight' in term.state_dict()


def test_bad_options_are_named():
    with pytest.raises(ValueError, match='at least one thing class'):
        FeatureDistance(classes=[])
    with pytest.raises(ValueError, match=r'min_ratio=0\.5'):
        FeatureDistance(classes=[1], min_ratio=0.5)
    view = View(torch.zeros(1, 3, 2, 2), {}, torch.zeros(1, 2, 2, 2))
    with pytest.raises(RuntimeError, match='no reference encoder'):
        FeatureDistance(classes=[1])(view, torch.tensor(0))
