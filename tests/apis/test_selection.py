"""Checkpoints are ranked without labels; with labels, so are the criteria."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from mmuda.apis import UserError
from mmuda.apis.selection import Candidate, check_same_classes, correlation, judge_run
from mmuda.apis.selection_tables import correlation_table, kept, ranking, recommended
from mmuda.apis.work_dir import find_checkpoints, find_config
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

NO_WORKERS = {'val_dataloader.num_workers': 0, 'val_dataloader.persistent_workers': False}


def candidate(tmp_path, step, snd, truth=None, **criteria):
    return Candidate(tmp_path / f'iter_{step}.pth', '', dict(snd=snd, **criteria), truth)


def test_files_of_a_work_directory(tmp_path):
    with pytest.raises(UserError, match='gone does not exist'):
        find_config(tmp_path / 'gone')
    with pytest.raises(UserError, match='holds no config'):
        find_config(tmp_path)
    with pytest.raises(UserError, match='holds no checkpoint'):
        find_checkpoints(tmp_path)
    names = ('best_mIoU_iter_8.pth', 'iter_10.pth', 'best_mIoU_iter_10.pth', 'iter_9.pth', 'published-0a1b2c3d.pth')
    for name in (*names, 'a.py', 'b.py'):
        (tmp_path / name).touch()
    found = [path.name for path in find_checkpoints(tmp_path)]
    assert found == ['best_mIoU_iter_8.pth', 'iter_9.pth', 'iter_10.pth']
    with pytest.raises(UserError, match=r'several configs \(a\.py, b\.py\)'):
        find_config(tmp_path)


def test_runs_of_other_classes_are_not_ranked_together(tmp_path):
    """Their order is no matter, nor are checkpoints that do not know them."""
    known = dict(a=['road', 'sky'], b=['sky', 'road'], c=['road', 'car', 'sky'], d=None, e=[0, 1])
    for name, classes in known.items():
        (tmp_path / name).mkdir()
        torch.save(dict(state_dict={}, meta=dict(dataset_meta=dict(classes=classes))), tmp_path / name / 'iter_1.pth')
    a, b, c, d, e = (tmp_path / name for name in known)
    for runs in ((a, b, d), (d, a), (d,), (a,), (a, a), (e,)):
        check_same_classes(runs)
    with pytest.raises(UserError, match=r"b has 2 classes, .*c has 3, and 'car' is in one of them alone: rank runs of"):
        check_same_classes((d, a, b, c))
    with pytest.raises(UserError, match="'0' is in one of them alone"):
        check_same_classes((a, e))


def test_tables(tmp_path):
    run = [candidate(tmp_path, 1, 2.0, 60, entropy=0.1), candidate(tmp_path, 2, 3.0, 50, entropy=0.2)]
    run.append(candidate(tmp_path, 3, 1.0, 70, entropy=0.3))
    other = [candidate(tmp_path / 'other', 1, np.nan, 10, entropy=0.1)]
    rows = [line.split(' | ')[1].rpartition('/')[2] for line in ranking(run, 'snd').splitlines()[2:]]
    assert rows == ['iter_2.pth', 'iter_1.pth', 'iter_3.pth']
    assert correlation(run, 'snd') == -1
    assert correlation(run, 'entropy') == pytest.approx(-0.5)  # less is better
    assert np.isnan(correlation(run[:1], 'snd'))
    lines = correlation_table([run, other]).splitlines()
    assert lines[2] == '| entropy | -0.63 | -0.50 | 60.00 | 35.00 |'
    assert lines[3] == '| snd | 0.20 | -1.00 | 50.00 | 30.00 |'
    assert lines[4:] == ['| last |  |  | 70.00 | 40.00 |', '| best, by labels |  |  | 70.00 | 40.00 |']
    assert correlation_table([[candidate(tmp_path, 1, 2.0)]]) == ''
    with pytest.raises(UserError, match="no checkpoint has a value of 'dev', but of entropy, snd"):
        ranking(run, 'dev')
    assert recommended(run) == 'mutual_information'
    judged = [candidate(tmp_path, step, 2.0, dev=value) for step, value in ((1, 0.5), (2, -0.5))]
    assert recommended(judged) == 'dev'
    assert 'iter_2.pth' in ranking(judged, 'dev').splitlines()[2]


def test_what_is_seen_of_a_run(tmp_path):
    """The last two checkpoints and the best one, of six validations; those of the training's steps are none."""
    for name in ('iter_5.pth', 'iter_6.pth', 'best_mIoU_iter_6.pth', 'best_mIoU_iter_2.pth'):
        (tmp_path / name).touch()
    (tmp_path / '2026' / 'vis_data').mkdir(parents=True)
    rows = [[dict(loss=1.0, lr=0.1, step=step), {'mIoU': 1.0, 'step': step}] for step in range(1, 7)]
    log = tmp_path / '2026' / 'vis_data' / 'scalars.json'
    log.write_text(''.join(json.dumps(row) + '\n' for pair in rows for row in pair))
    hint = ' (default_hooks.checkpoint.max_keep_ckpts=-1 keeps all checkpoints)'
    assert kept(tmp_path) == f'{tmp_path}: 3 checkpoints are kept, 6 validations were logged{hint}'
    for step in (1, 3, 4):
        (tmp_path / f'iter_{step}.pth').touch()
    assert kept(tmp_path) == f'{tmp_path}: 6 checkpoints are kept, 6 validations were logged'


def test_of_a_loss_the_least_is_the_best_by_labels(tmp_path):
    run = [Candidate(tmp_path / f'iter_{snd}.pth', '', dict(snd=snd), 1.0 / snd, 'loss') for snd in (1, 2, 4)]
    assert correlation(run, 'snd') == 1
    *_, best = correlation_table([run]).splitlines()
    assert best == '| best, by labels |  |  | 0.25 | 0.25 |'


def test_a_segmentation_is_judged_by_student_and_teacher(toy, tmp_path, monkeypatch):
    write_toy_streets(str(tmp_path / 'data'), ToyStreetsSpec(train=1, val=3, width=96, height=64))
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path / 'data'))
    run = tmp_path / 'run'
    run.mkdir()
    gone = "model = dict(student=dict(backbone=dict(init_cfg=dict(type='Pretrained', checkpoint='gone.pth'))))"
    (run / 'toy.py').write_text(f"_base_ = '{toy[0]}'\n{gone}\n")
    shutil.copy(toy[1], run / 'iter_1.pth')
    state = torch.load(toy[1], weights_only=True)
    state['state_dict']['student.decode_head.conv_seg.bias'] *= 20
    torch.save(state, run / 'iter_2.pth')
    found = judge_run(run, 2, options=NO_WORKERS)
    assert [(one.step, one.network) for one in found] == [
        (step, name) for step in (1, 2) for name in ('student', 'teacher')
    ]
    assert all(one.criteria['agreement'] == 0 for one in found)  # the student says 5 everywhere, the teacher 3
    assert found[0].criteria['entropy'] > found[2].criteria['entropy'] == pytest.approx(0, abs=1e-5)
    assert all(0 <= one.truth < 30 for one in found)
    assert {path.name for path in run.iterdir()} == {'toy.py', 'iter_1.pth', 'iter_2.pth'}
    with pytest.raises(UserError, match=r"no score 'mIuo', but aAcc, mIoU, .* choose one by --score"):
        judge_run(run, 1, 'mIuo', NO_WORKERS)
    bare = judge_run(run, 1, options=NO_WORKERS | {'val_dataloader.dataset.data_prefix.seg_map_path': None})
    assert [one.truth for one in bare] == [None] * 4
    assert set(bare[0].criteria) == set(found[0].criteria)


def test_a_classifier_is_judged_by_source_images_too(classifier, tmp_path):
    for number, name in enumerate(('ape', 'bee', 'cat')):
        for copy in range(4):
            (tmp_path / 'classes' / name).mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(copy).integers(0, 90, (28, 28, 3)) + 80 * number
            Image.fromarray(noise.astype(np.uint8)).save(tmp_path / 'classes' / name / f'{copy}.png')
    config, checkpoint = classifier()
    run = tmp_path / 'run'
    run.mkdir()
    source = "train_dataloader = dict(dataset=dict(type='mmuda.DomainDataset', source=test_dataloader['dataset']))\n"
    (run / 'config.py').write_text(config.read_text() + source)
    shutil.copy(checkpoint, run / 'iter_1.pth')
    (found,) = judge_run(run, 9)
    assert found.network == ''
    assert 0 <= found.truth <= 100
    assert np.isfinite(found.criteria['dev'])
    assert 'agreement' not in found.criteria
