"""What the runner adds, and that a config's own choice wins."""

import pytest

from mmuda.engine.hooks import MeanTeacherHook
from mmuda.engine.runners.mean_teacher import _is_iteration_loop, _with_hooks


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
        (dict(type='IterBasedTrainLoop', max_iters=3), True),
        (dict(by_epoch=False, max_iters=3), True),
        (dict(by_epoch=True, max_epochs=3), False),
        (dict(type='EpochBasedTrainLoop', max_epochs=3), False),
        (dict(type='mine.Loop'), False),
    ],
)
def test_only_stock_iteration_training_is_replaced(cfg, expected):
    assert _is_iteration_loop(cfg) is expected
