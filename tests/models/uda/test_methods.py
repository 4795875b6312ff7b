"""Several methods in one model, and keys of earlier versions."""

import inspect

import pytest

from mmuda.models.uda import MCDUDA, SelfTrainingUDA, UDAModel
from mmuda.models.uda.methods import MOVED, join_methods, moved_key

STCT = dict(terms=dict(target=dict(type='PseudoLabelLoss', weight=dict(alpha=1e-3))), teacher_norm='batch')
ACDA = dict(terms=dict(acda=dict(type='ACDA', delta=0.7)))


def test_methods_are_merged_key_by_key():
    joined = join_methods([STCT, ACDA], dict(passes='joint'))
    assert list(joined['terms']) == ['target', 'acda']
    assert joined['teacher_norm'] == 'batch'
    assert joined['passes'] == 'joint'
    assert STCT['terms'].keys() == {'target'}


def test_what_stands_beside_them_wins():
    beside = dict(terms=dict(target=dict(weight=dict(alpha=0.5)), acda=None), teacher_norm='running')
    joined = join_methods([STCT, ACDA], beside)
    assert joined['terms'] == dict(target=dict(type='PseudoLabelLoss', weight=dict(alpha=0.5)), acda=None)
    assert joined['teacher_norm'] == 'running'


def test_two_values_for_one_key_are_refused():
    with pytest.raises(ValueError, match=r'Two methods differ in terms\.acda\.delta: 0\.7 and 0\.5'):
        join_methods([ACDA, dict(terms=dict(acda=dict(delta=0.5)))], {})
    assert join_methods([ACDA, ACDA], {}) == ACDA


@pytest.mark.parametrize('model', [UDAModel, SelfTrainingUDA, MCDUDA])
def test_every_model_takes_methods_and_refuses_moved_keys(model):
    assert 'methods' in inspect.signature(model).parameters
    assert 'task' in inspect.signature(model).parameters
    for key in MOVED:
        options = dict.fromkeys([key.split('.')[0]])
        with pytest.raises(ValueError, match=rf'no {key.split(".")[0]!r} any more: set model\.'):
            model(task='segmentation', student={}, methods=[options])


def test_a_moved_key_is_found_with_what_hangs_on_it():
    assert moved_key('coordination.alpha') == 'terms.target.weight.alpha'
    assert moved_key('pseudo_labeler.ignore_top') == 'labeller.ignore_top'
    assert moved_key('pseudo_labeler.confidence_threshold') == 'labeller.threshold'
    assert moved_key('terms.target.weight.alpha') is None
    assert moved_key('jointly') is None
