"""What the runner adds, and that a config's own choice wins."""

import pytest

from mmuda.engine.hooks import MeanTeacherHook
from mmuda.engine.runners.mean_teacher import _resumable, _with_hooks


def test_missing_hooks_are_added_and_present_ones_kept():
    mine = dict(type='mmuda.MeanTeacherHook', momentum=0.01)
    assert _with_hooks([mine], ['ExactResumeHook', 'MeanTeacherHook']) == [mine, dict(type='mmuda.ExactResumeHook')]
    plain, instance = dict(type=MeanTeacherHook), type('Mine', (MeanTeacherHook,), {})()
    assert _with_hooks([plain], ['MeanTeacherHook']) == [plain]
    assert _with_hooks([instance], ['MeanTeacherHook']) == [instance]
    assert _with_hooks(None, ['ExactResumeHook']) == [dict(type='mmuda.ExactResumeHook')]


@pytest.mark.parametrize(
    ('cfg', 'expected'),
    [
        (dict(type='IterBasedTrainLoop', max_iters=3), 'mmuda.ResumableTrainLoop'),
        (dict(by_epoch=False, max_iters=3), 'mmuda.ResumableTrainLoop'),
        (dict(by_epoch=True, max_epochs=3), 'mmuda.ResumableEpochLoop'),
        (dict(type='EpochBasedTrainLoop', max_epochs=3), 'mmuda.ResumableEpochLoop'),
        (dict(type='mine.Loop'), None),
    ],
)
def test_only_stock_training_is_replaced(cfg, expected):
    assert _resumable(cfg) == expected
