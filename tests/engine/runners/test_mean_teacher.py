"""What the runner adds, and that a config's own choice wins."""

import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmuda.apis import load_config
from mmuda.engine.hooks import CheckpointHook, MeanTeacherHook
from mmuda.engine.runners import MeanTeacherRunner
from mmuda.engine.runners.mean_teacher import _resumable, _text, _with_criteria, _with_hooks


def test_missing_hooks_are_added_and_present_ones_kept():
    mine = dict(type='mmuda.MeanTeacherHook', momentum=0.01)
    assert _with_hooks([mine], ['ExactResumeHook', 'MeanTeacherHook']) == [mine, dict(type='mmuda.ExactResumeHook')]
    plain, instance = dict(type=MeanTeacherHook), type('Mine', (MeanTeacherHook,), {})()
    assert _with_hooks([plain], ['MeanTeacherHook']) == [plain]
    assert _with_hooks([instance], ['MeanTeacherHook']) == [instance]
    assert _with_hooks(None, ['ExactResumeHook']) == [dict(type='mmuda.ExactResumeHook')]


@pytest.mark.parametrize(
    'name, added', [('mmuda/snd', True), ('teacher/mmuda/bnm', True), ('mIoU', False), (None, False)]
)
def test_who_saves_by_a_criterion_gets_it_computed(name, added):
    labelled, free = dict(type='mmuda.SegmentationMetric'), dict(type='mmuda.LabelFreeMetric')
    hooks = [CheckpointHook(by_epoch=False, save_best=name, rule=name and 'greater')]
    for given in (labelled, [labelled]):
        assert _with_criteria(given, hooks) == ([labelled, free] if added else given)
    assert _with_criteria([labelled, dict(free, pixels=5)], hooks) == [labelled, dict(free, pixels=5)]
    assert _with_criteria(None, hooks) is None


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


@pytest.mark.parametrize('out_dir', [None, 'out'])
@pytest.mark.parametrize('names, expected', [((), None), (('iter_4',), 'iter_4'), (('iter_4', 'damaged'), 'iter_4')])
def test_resume_without_a_path_takes_the_newest_whole_checkpoint(tmp_path, out_dir, names, expected):
    """mmengine would read the path in `last_checkpoint`, whatever it is."""
    folder = tmp_path / (out_dir or '') / 'run'
    folder.mkdir(parents=True)
    (tmp_path / 'run').mkdir(exist_ok=True)
    (tmp_path / 'run/last_checkpoint').write_text('/gone/iter_9.pth')
    for name in names:
        torch.save({}, folder / f'{name}.pth')
    if 'damaged' in names:
        (folder / 'damaged.pth').rename(folder / 'iter_8.pth')
        os.truncate(folder / 'iter_8.pth', 10)
    cfg = Config(dict(default_hooks=dict(checkpoint=dict(out_dir=out_dir and str(tmp_path / out_dir)))))
    run = MeanTeacherRunner.__new__(MeanTeacherRunner)
    run._resume, run._load_from, run._has_loaded, run.cfg, run._work_dir = True, None, False, cfg, str(tmp_path / 'run')
    resumed = []
    run.resume = resumed.append
    run.load_or_resume()
    assert resumed == [f'{folder}/{expected}.pth'] * (expected is not None)


@pytest.mark.parametrize('name', ['stct/stct', 'dacs/dacs', 'daformer/daformer', 'mic/mic', 'fda/fda'])
def test_the_config_in_the_work_directory_reads_back_in_its_order(repo, tmp_path, name):
    """mmengine would sort the keys, and a view is made of those before it."""
    cfg = load_config(repo / 'configs' / f'{name}_segformer_toy.py')
    runner = SimpleNamespace(cfg=cfg, work_dir=str(tmp_path), timestamp='now')
    MeanTeacherRunner.dump_config(runner)
    again = load_config(tmp_path / f'{name.rpartition("/")[2]}_segformer_toy.py')
    assert again.to_dict() == cfg.to_dict()
    assert str(again.to_dict()) == str(cfg.to_dict())  # which says the order, too


def test_a_config_with_more_than_plain_values_is_written_as_mmengine_does():
    cfg = Config(dict(model=dict(limit=float('inf'))))
    assert _text(cfg) == cfg.dump()


@pytest.mark.parametrize('has_gpu', [True, False])
@pytest.mark.parametrize('wanted', [{}, dict(pin_memory=False), dict(pin_memory=True)])
def test_batches_for_a_gpu_are_pinned(monkeypatch, has_gpu, wanted):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: has_gpu)
    monkeypatch.setattr(Runner, 'build_dataloader', lambda loader, seed: (loader, seed))
    asked, seed = MeanTeacherRunner.build_dataloader(dict(batch_size=1, **wanted), seed=3)
    assert asked == dict(batch_size=1, pin_memory=wanted.get('pin_memory', has_gpu))
    assert seed == 3
    assert MeanTeacherRunner.build_dataloader('a loader', seed=3) == ('a loader', 3)
