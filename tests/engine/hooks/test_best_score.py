"""Last and best, and the best says how it was chosen."""

import json
import logging
from types import SimpleNamespace

import pytest

from mmuda.engine.hooks import BestScoreHook
from mmuda.registry import HOOKS

LABEL = '(chosen by target labels)'


@pytest.fixture
def run(tmp_path):
    return SimpleNamespace(iter=0, work_dir=str(tmp_path), logger=logging.getLogger('best_score'))


def validate(hook, run, scores):
    hook.before_train(run)
    for run.iter, score in scores.items():
        hook.after_val_epoch(run, dict(accuracy=score, other=1.0))


def test_the_log_tells_last_from_best(run, caplog):
    hook = HOOKS.build(dict(type='mmuda.BestScoreHook'))
    with caplog.at_level(logging.INFO, 'best_score'):
        validate(hook, run, {10: 50.0, 20: 70.0, 30: 70.0, 40: 60.0})
    assert caplog.messages[0] == f'last accuracy 50.00, best accuracy 50.00 at step 10 {LABEL}'
    assert caplog.messages[-1] == f'last accuracy 60.00, best accuracy 70.00 at step 20 {LABEL}'


def test_a_resumed_run_knows_the_scores_up_to_its_step(run, tmp_path):
    validate(BestScoreHook(), run, {10: 50.0, 20: 40.0, 30: 90.0})
    run.iter = 20
    hook = BestScoreHook()
    validate(hook, run, {30: 45.0})
    assert hook.line() == f'last accuracy 45.00, best accuracy 50.00 at step 10 {LABEL}'
    assert json.loads((tmp_path / 'scores_by_step.json').read_text()) == dict(
        accuracy={'10': 50.0, '20': 40.0, '30': 45.0}
    )


def test_a_new_run_in_an_old_folder_starts_anew(run):
    validate(BestScoreHook(), run, {10: 50.0})
    run.iter = 0
    hook = BestScoreHook()
    validate(hook, run, {10: 30.0})
    assert hook.scores == {10: 30.0}


def test_the_best_entropy_is_the_least_and_needs_no_label(run):
    hook = BestScoreHook('mmuda/entropy')
    for run.iter, score in {10: 0.5, 20: 0.125, 30: 0.25}.items():
        hook.after_val_epoch(run, {'mmuda/entropy': score})
    assert hook.line() == 'last mmuda/entropy 0.2500, best mmuda/entropy 0.1250 at step 20'


def test_an_unknown_score(run):
    with pytest.raises(KeyError, match=r"score='mIoU', but the validation gives \['accuracy', 'other'\]"):
        validate(BestScoreHook('mIoU'), run, {10: 50.0})
