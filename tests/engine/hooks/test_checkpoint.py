"""There is a whole checkpoint at any time, and a run touches its own folder only."""

import os
import shutil

import mmengine
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.runner import Runner

from mmuda.engine.hooks import CheckpointHook
from mmuda.registry import HOOKS
from mmuda.scores import CRITERION_RULES, rule_of


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs, mode=None):
        return dict(loss=self.weight * inputs.mean())


class Score(Evaluator):
    """Gives these scores, one a validation."""

    def __init__(self, scores):
        super().__init__([])
        self.scores = iter(scores)

    def evaluate(self, size):
        return dict.fromkeys(('mIoU', 'other'), next(self.scores))


def validation(scores) -> dict:
    data = dict(dataset=[1], sampler=dict(type='DefaultSampler'), batch_size=1)
    return dict(val_dataloader=data, val_cfg=dict(type='ValLoop'), val_evaluator=Score(scores))


@pytest.fixture
def train(tmp_path):
    """A stock run with a stock config; returns the runner."""

    def _train(steps, work_dir=None, scores=None, resume=False, before_save=None, **hook):
        runner = Runner(
            Model(),
            str(work_dir or tmp_path / 'run'),
            train_dataloader=dict(dataset=[torch.ones(1)] * 4, sampler=dict(type='DefaultSampler'), batch_size=1),
            train_cfg=dict(by_epoch=False, max_iters=steps, val_interval=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch=False) | dict(interval=1) | hook),
            resume=resume,
            log_level='ERROR',
            experiment_name=os.urandom(4).hex(),
            **(validation(scores) if scores else {}),
        )
        runner.model.val_step = lambda batch: [None]
        if before_save is not None:
            save = runner.save_checkpoint
            runner.save_checkpoint = lambda *args, **kwargs: (before_save(runner), save(*args, **kwargs))
        runner.train()
        return runner

    return _train


def checkpoints(folder) -> list[str]:
    return sorted(path.name for path in folder.glob('*.pth'))


@pytest.mark.parametrize('steps, kept', [(4, [1, 2, 3, 4]), (12, [3, 6, 9, 12]), (2, [1, 2])])
def test_a_share_is_of_the_training_whatever_its_length(train, tmp_path, steps, kept):
    train(steps, interval=0.25)
    assert sorted(int(path.stem.removeprefix('iter_')) for path in (tmp_path / 'run').glob('iter_*.pth')) == kept


def test_a_stock_config_gets_this_hook():
    assert HOOKS.get('CheckpointHook') is HOOKS.get('mmengine.CheckpointHook') is CheckpointHook
    assert MMENGINE_HOOKS.get('CheckpointHook') is CheckpointHook
    assert issubclass(CheckpointHook, mmengine.hooks.CheckpointHook)


@pytest.mark.parametrize('keep', [1, 2])
def test_an_outdated_checkpoint_is_there_until_the_new_one_is(train, tmp_path, keep):
    seen = []
    train(4, max_keep_ckpts=keep, before_save=lambda _: seen.append(checkpoints(tmp_path / 'run')))
    names = [f'iter_{step}.pth' for step in (1, 2, 3, 4)]
    assert seen == [names[max(0, step - keep) : step] for step in range(4)]
    assert checkpoints(tmp_path / 'run') == names[-keep:]
    assert (tmp_path / 'run/last_checkpoint').read_text() == str(tmp_path / 'run/iter_4.pth')
    kept = torch.load(tmp_path / 'run/iter_4.pth', weights_only=False)['message_hub']['runtime_info']['keep_ckpt_ids']
    assert kept == [1, 2, 3, 4][-keep:]


def test_a_best_checkpoint_is_there_until_the_better_one_is(train, tmp_path):
    seen = []
    train(
        3,
        scores=[1.0, 2.0, 1.5],
        save_best='mIoU',
        max_keep_ckpts=1,
        before_save=lambda _: seen.append([name for name in checkpoints(tmp_path / 'run') if 'best' in name]),
    )
    assert seen[:2] == [[], []]
    assert all(names[0] == 'best_mIoU_iter_1.pth' for names in seen[2:5])
    assert checkpoints(tmp_path / 'run') == ['best_mIoU_iter_2.pth', 'iter_3.pth']


@pytest.mark.parametrize('scores', [dict(save_best='mIoU'), dict(save_best=['mIoU', 'other'], rule='greater')])
def test_a_copied_run_leaves_the_best_checkpoint_of_the_old_one_alone(train, tmp_path, scores):
    train(2, scores=[1.0, 2.0], **scores)
    old = checkpoints(tmp_path / 'run')
    assert 'best_mIoU_iter_2.pth' in old
    shutil.copytree(tmp_path / 'run', tmp_path / 'copy')
    (tmp_path / 'copy/last_checkpoint').write_text(str(tmp_path / 'copy/iter_2.pth'))
    train(3, tmp_path / 'copy', scores=[3.0], resume=True, **scores)
    assert checkpoints(tmp_path / 'run') == old
    best = [name for name in checkpoints(tmp_path / 'copy') if name.startswith('best')]
    assert best == sorted(f'best_{name}_iter_3.pth' for name in ('mIoU', 'other')[: len(best)])


def test_a_failed_write_removes_nothing(train, tmp_path):
    def fail(runner):
        if runner.iter == 2:
            raise OSError('disk full')

    with pytest.raises(OSError, match='disk full'):
        train(4, max_keep_ckpts=1, before_save=fail)
    assert checkpoints(tmp_path / 'run') == ['iter_2.pth']


@pytest.mark.parametrize('network', ['', 'teacher/'])
@pytest.mark.parametrize('name, rule', CRITERION_RULES.items())
def test_the_rule_of_criteria_without_labels_is_known(network, name, rule):
    assert CheckpointHook(save_best=f'{network}mmuda/{name}').rules == [rule]


@pytest.mark.parametrize(
    'score', ['mIoU', 'teacher/mIoU16', 'accuracy', 'mean_class_accuracy', 'loss', 'decode.loss_ce']
)
def test_the_rule_of_other_scores_is_that_of_all_tools(score):
    assert CheckpointHook(save_best=score).rules == [rule_of(score)]
