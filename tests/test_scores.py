"""Which end of a score is the good one, over the family of scores that a log has."""

import pytest

from mmuda.scores import CRITERION_RULES, criterion_of, digits_of, goodness, rule_of

LOSSES = ['loss', 'loss_target', 'decode.loss_ce', 'teacher/loss', 'val/decode.aux_loss']
BY_LABELS = ['mIoU', 'mIoU16', 'teacher/mIoU', 'IoU.road', 'accuracy', 'accuracy.glossy', 'mean_class_accuracy']
CRITERIA = [f'{network}mmuda/{name}' for network in ('', 'teacher/') for name in CRITERION_RULES]


def test_every_criterion_has_a_rule():
    assert set(CRITERION_RULES.values()) == {'greater', 'less'}
    assert set(CRITERION_RULES) == {'entropy', 'mutual_information', 'snd', 'bnm', 'corr_c', 'agreement', 'dev'}
    assert {name for name in CRITERIA if rule_of(name) == 'less'} == {
        f'{network}mmuda/{name}' for network in ('', 'teacher/') for name in ('entropy', 'dev')
    }


def test_losses_are_better_the_less_they_are_and_scores_by_labels_the_greater():
    assert {rule_of(name) for name in LOSSES} == {'less'}
    assert {rule_of(name) for name in BY_LABELS} == {'greater'}


def test_criteria_are_told_from_scores_by_labels():
    assert [criterion_of(name) for name in CRITERIA] == 2 * [*CRITERION_RULES]
    assert {criterion_of(name) for name in [*LOSSES, *BY_LABELS, 'mmuda/own', 'IoU.entropy']} == {None}


@pytest.mark.parametrize('score', [*CRITERIA, *LOSSES, *BY_LABELS])
def test_the_better_value_has_the_greater_goodness(score):
    order = sorted([3.0, float('nan'), 1.0, float('inf'), 2.0], key=lambda value: goodness(score, value))[2:]
    assert order == ([1.0, 2.0, 3.0] if rule_of(score) == 'greater' else [3.0, 2.0, 1.0])
    assert digits_of(score) == (2 if score in BY_LABELS else 4)
