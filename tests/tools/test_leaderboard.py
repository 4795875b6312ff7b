"""The benchmark: a toy table is trained, recorded and written; a figure without a record is refused."""

import dataclasses
import importlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import cv2
import numpy as np
import pytest
from mmengine.config import Config

pytest.importorskip('mmseg')

from mmuda.apis import UserError
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets
from mmuda.scores import rule_of

LEAF = """
_base_ = [
    '{root}/configs/_base_/models/segformer_mit-b0.py',
    '{root}/configs/_base_/datasets/toy_streets.py',
    '{root}/configs/_base_/schedules/adamw_toy_poly.py',
    '{root}/configs/_base_/default_runtime.py',
]
model = dict(
    backbone=dict(embed_dims=4, num_layers=[1, 1, 1, 1]),
    decode_head=dict(in_channels=[4, 8, 20, 32], channels=8, num_classes=8),
)
"""
TABLE = """
title: Toy streets
config: leaf.py
seeds: [0]
steps: 2
baseline: source only
ways:
  left:
    train: {train_dataloader.dataset.target.indices: [0, 1]}
    score: {unseen: {indices: [1]}, adapted: {indices: [0]}}
  right:
    train: {train_dataloader.dataset.target.indices: [2, 3]}
    score: {unseen: {indices: [0]}, adapted: {indices: [1]}}
rows:
  source only: {options: {train_dataloader.batch_size: 2}}
  DACS: {start: source only, methods: [dacs], options: {train_dataloader.batch_size: 4}}
  labels: {target_labels: dusk/labels/train, options: {train_dataloader.batch_size: 2}}
"""
CLASSIFIER = """
_base_ = [
    '{root}/configs/_base_/datasets/classification_224.py',
    '{root}/configs/_base_/schedules/sgd_4k_inverse.py',
    '{root}/configs/_base_/default_runtime.py',
]
norm = 'BN'
pair = 'left-right'
source, target = [
    dict(type='mmuda.FolderClassification', data_prefix=dict(img_path='{folder}/' + name)) for name in pair.split('-')
]
train_dataloader = dict(batch_size=8, dataset=dict(source=source, target=target))
val_dataloader = dict(dataset=target)
test_dataloader = val_dataloader
model = dict(
    _scope_='mmpretrain',
    type='ImageClassifier',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3),
    backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8, norm_cfg=dict(type=f'{{norm}}2d')),
    neck=dict(type='mmuda.Bottleneck', in_channels=64, out_channels=4, norm_cfg=dict(type=f'{{norm}}1d')),
    head=dict(type='LinearClsHead', num_classes=2, in_channels=4, loss=dict(type='CrossEntropyLoss')),
)
"""
PAIRS = """
title: Toy objects
task: classification
config: classifier.py
seeds: [0]
steps: 2
validations: 1
baseline: source only
variables: {size: 32}
ways:
  L → R: {variables: {pair: left-right}, score: {target: {}}}
  R → L: {variables: {pair: right-left}, score: {target: {}}}
rows:
  source only: {options: {train_dataloader.batch_size: 4}}
  DAN, TransNorm: {model: mmuda.UDAModel, methods: [dan], variables: {norm: mmuda.TransNorm}}
"""
PAGE = 'Before.\n\n<!-- table: toy -->\n<!-- end of table -->\n\nAfter.\n'


@pytest.fixture(scope='module')
def load(repo):
    """The tool's modules, as Python finds them when it is run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repo / 'tools' / 'benchmark'))
        yield importlib.import_module


@pytest.fixture(scope='module')
def trained(load, repo, tmp_path_factory):
    """The folder of a table whose runs have all been made."""
    folder = tmp_path_factory.mktemp('benchmark')
    write_toy_streets(str(folder), ToyStreetsSpec(train=4, val=2, width=64, height=32))
    (folder / 'leaf.py').write_text(LEAF.format(root=repo))
    (folder / 'toy.yaml').write_text(TABLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMUDA_DATA', str(folder))
        table = load('tables').read_table(str(folder / 'toy.yaml'))
        for run in table.runs():
            load('leaderboard').train_run(table, run, folder / 'runs', keep=None, code='abc')
    return folder


@pytest.fixture(scope='module')
def classified(load, repo, tmp_path_factory):
    """A table of pairs of domains, of six images each, of classes of three and three (right: four and two)."""
    pytest.importorskip('mmpretrain')
    folder = tmp_path_factory.mktemp('pairs')
    for domain, sizes in dict(left=(3, 3), right=(4, 2)).items():
        for name, size in zip(('cup', 'pen'), sizes):
            (folder / domain / name).mkdir(parents=True)
            for number in range(size):
                image = np.random.default_rng(number).integers(0, 255, (36, 36, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / domain / name / f'{number}.png'), image)
    (folder / 'classifier.py').write_text(CLASSIFIER.format(root=repo, folder=folder))
    (folder / 'pairs.yaml').write_text(PAIRS)
    table = load('tables').read_table(str(folder / 'pairs.yaml'))
    for run in table.runs():
        load('leaderboard').train_run(table, run, folder / 'runs', keep=None, code='abc')
    return table


@pytest.fixture
def copy(trained, tmp_path):
    """Table and records without data and work directories, to be spoilt."""
    for name in ('leaf.py', 'toy.yaml', 'records'):
        source = trained / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / 'page.md').write_text(PAGE)
    return tmp_path


@pytest.fixture
def main(load, copy, monkeypatch):
    """Run the tool on the copy."""
    monkeypatch.chdir(copy)

    def _main(*words):
        pages = ['--pages', 'page.md'] if {'--write', '--check'} & set(words) else []
        monkeypatch.setattr('sys.argv', ['leaderboard', './toy.yaml', *pages, *words])
        load('leaderboard').main()
        return (copy / 'page.md').read_text()

    return _main


def test_a_table_is_trained_recorded_and_written(main, copy):
    page = main('--write')
    assert page.startswith('Before.')
    assert page.endswith('After.\n')
    assert all(page.count(f'| {row} | 0 |') == 1 for row in ('source only', 'DACS', 'labels'))
    assert '5 runs' in page
    main('--check')
    record = json.loads((copy / 'records/toy/dacs_left_seed0.json').read_text())
    assert list(record['scores']) == ['left']
    assert list(record['scores']['left']) == ['unseen', 'adapted']
    assert sum(union for _, union in record['scores']['left']['unseen'].values()) > 0
    assert record['settings']['options']['train_dataloader.dataset.target.indices'] == [0, 1]
    assert [row['step'] for row in record['history']] == [1, 2]
    assert record['commit'] == 'abc'
    assert record['libraries']['mmengine'].startswith(('mmengine', 'onedl-mmengine'))
    start = json.loads((copy / 'records/toy/source-only_seed0.json').read_text())
    assert re.fullmatch(r'iter_2\.pth, sha256 [0-9a-f]{16}', record['checkpoint'])
    assert record['weights'] == dict(load_from=start['checkpoint'])


def test_the_bound_learns_from_labels_of_what_is_adapted_to(load, trained):
    table = load('tables').read_table(str(trained / 'toy.yaml'))
    run = next(run for run in table.runs() if run.row == 'labels')
    dataset = load('tables').run_config(table, run).train_dataloader.dataset
    assert dataset.target is None
    assert dataset.source.data_prefix == dict(img_path='dusk/images/train', seg_map_path='dusk/labels/train')
    assert dataset.source.indices == [0, 1]


def test_a_row_closes_a_share_of_the_gap_to_the_bound(load, trained):
    tables, page = load('tables'), load('page')
    line = [{0: value, 1: value + 2} for value in (25.0, 20.0, 30.0)]
    assert page._share_of_gap(*line) == '50%'
    assert page._share_of_gap({2: 25.0}, *line[1:]) == '–'  # no seed in common
    assert ' of the gap |' in page.block(tables.read_table(str(trained / 'toy.yaml')))
    assert ' of the gap |' not in page.block(tables.read_table('day2dusk'))


def test_another_page_has_the_scores_alone(main, copy):
    (copy / 'page.md').write_text('At 0.5.\n\n<!-- scores: toy -->\n<!-- end of table -->\n')
    lines = main('--write').splitlines()
    assert lines[3] == '|  | unseen, mIoU | adapted, mIoU | unseen: gain |'
    assert [line.split(' | ')[0] for line in lines[5:8]] == ['| source only', '| DACS', '| labels']
    (copy / 'page.md').write_text('\n'.join(lines).replace('| DACS | ', '| DACS | 9'))
    with pytest.raises(UserError, match='without a record'):
        main('--check')


def test_another_page_has_no_row_that_lacks_a_seed(main, copy):
    declared = (copy / 'toy.yaml').read_text()
    (copy / 'toy.yaml').write_text(declared.replace('seeds: [0]', 'seeds: [0, 1]'))
    (copy / 'page.md').write_text('<!-- scores: toy -->\n<!-- end of table -->\n')
    assert main('--write').splitlines()[3:] == ['<!-- end of table -->']
    (copy / 'page.md').write_text('<!-- table: toy -->\n<!-- end of table -->\n')
    assert '| DACS | 0 | ' in main('--write')


def test_a_new_record_is_no_change_of_the_code(load, tmp_path, monkeypatch):
    records = load('records')
    for words in ('init -q', 'config user.name x', 'config user.email x@x', 'commit -q --allow-empty -m first'):
        subprocess.run(['git', '-C', tmp_path, *words.split()], check=True)
    monkeypatch.setattr(records, 'REPO', tmp_path)
    for name, changes in (('configs/benchmark/records/toy/x.json', ''), ('configs/x.py', ' with changes')):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('1')
        for words in ('status', 'add .'):  # a new file counts before git knows it
            subprocess.run(['git', '-C', tmp_path, *words.split()], check=True)
            assert records.commit() == records._git('rev-parse', '--short=12', 'HEAD') + changes


def test_nothing_is_left_to_do(main, capsys, trained):
    main('--work-dirs', str(trained / 'runs'))
    assert capsys.readouterr().out.splitlines()[-1] == '0 runs to do'


def test_every_file_of_weights_is_named(load, tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'a')
    start = dict(init_cfg=dict(checkpoint=str(tmp_path / 'a.pth')))
    model = dict(student=dict(backbone=start), methods=[dict(type='DACS'), dict(anchor=dict(init_cfg=[start]))])
    named = load('records').weights(Config(dict(load_from=None, model=model)))
    assert list(named) == [
        'model.student.backbone.init_cfg.checkpoint',
        'model.methods.1.anchor.init_cfg.0.init_cfg.checkpoint',
    ]
    assert set(named.values()) == {'a.pth, sha256 ca978112ca1bbdca'}


@pytest.mark.parametrize(
    ('words', 'sentence'),
    [
        (['--rows', 'DACS', 'DACSS'], r"--rows has 'DACSS', which is in no table of toy; did you mean 'DACS'"),
        (['--seeds', '0', '7'], r"--seeds has '7', which is in no table of toy: choose from 0"),
        (['--pages', 'page.md'], '--pages is not read, as this writes no page'),
        (['--write', '--rows', 'DACS'], '--rows is not read, as this trains nothing'),
        (['--check', '--seeds', '0'], '--seeds is not read'),
        (['--check', '--keep', '1'], '--keep is not read'),
        (['--check', '--processes', '1'], '--processes is not read'),
        (['--write', '--work-dirs', 'x'], '--work-dirs is not read'),
        (['--keep', '0'], 'argument --keep: 0 is not a number from 1 on'),
    ],
)
def test_no_choice_is_passed_over(load, copy, monkeypatch, words, sentence):
    monkeypatch.chdir(copy)
    monkeypatch.setattr('sys.argv', ['leaderboard', './toy.yaml', *words])
    with pytest.raises(UserError, match=sentence):
        load('leaderboard').main()


def test_a_lost_network_is_trained_again_for_what_starts_from_it(load, copy, trained):
    table = load('tables').read_table(str(copy / 'toy.yaml'))
    (copy / 'records/toy/dacs_left_seed0.json').unlink()
    args = load('argparse').Namespace(rows=None, seeds=None, work_dirs=trained / 'runs')
    assert [run.name for run in load('leaderboard').open_runs(table, args)] == ['dacs_left_seed0']
    args.work_dirs = copy / 'none'
    assert [run.name for run in load('leaderboard').open_runs(table, args)] == ['source-only_seed0', 'dacs_left_seed0']
    longer = '  longer: {start: source only}\n  longest: {start: longer}\n'
    (copy / 'toy.yaml').write_text(TABLE + longer)
    table, args.rows = load('tables').read_table(str(copy / 'toy.yaml')), ['longest']
    names = [run.name for run in load('leaderboard').open_runs(table, args)]
    assert names == ['source-only_seed0', 'longer_seed0', 'longest_seed0']  # a start has a start of its own


def test_a_record_stays_when_its_network_is_trained_again(load, copy, trained, monkeypatch, capsys):
    """Others have started from the network that the record is of; one that starts from the new network says so."""
    monkeypatch.setenv('MMUDA_DATA', str(trained))
    table = load('tables').read_table(str(copy / 'toy.yaml'))
    path = copy / 'records/toy/source-only_seed0.json'
    before = path.read_text()
    run = next(iter(table.runs()))
    load('leaderboard').train_run(table, run, copy / 'again', keep=None, code='def')
    assert path.read_text() == before
    assert 'source-only_seed0 was trained again, for what starts from it: unseen' in capsys.readouterr().out
    written = (copy / 'again/toy/source-only_seed0/commits.json').read_text()
    load('leaderboard').train_run(table, run, copy / 'again', keep=None, code='ghi')  # nothing is left to do
    assert (copy / 'again/toy/source-only_seed0/commits.json').read_text() == written


@pytest.mark.parametrize('row', ['DACS', 'source only'])
def test_a_run_that_was_killed_before_its_last_validation_is_scored_by_its_last_checkpoint(
    load, copy, trained, monkeypatch, row
):
    """Not by the validation before; and a run that was gone on with names all commits that it was made at."""
    monkeypatch.setenv('MMUDA_DATA', str(trained))
    table = load('tables').read_table(str(copy / 'toy.yaml'))
    run = next(run for run in table.runs() if run.row == row)
    path = load('records').record_path(table, run)
    record = json.loads(path.read_text())
    path.unlink()
    shutil.copytree(trained / 'runs/toy', copy / 'runs/toy')
    log = next((copy / 'runs/toy' / run.name).glob('*/vis_data/scalars.json'))
    lines = [line for line in log.read_text().splitlines() if 'mIoU' not in json.loads(line)]
    for left in (lines + [line for line in log.read_text().splitlines() if json.loads(line)['step'] == 1], lines):
        log.write_text('\n'.join(left) + '\n')
        load('leaderboard').train_run(table, run, copy / 'runs', keep=None, code='def')
        again = json.loads(path.read_text())
        assert again['scores'] == record['scores']
        assert again['history'][-1]['step'] == 2
        assert again['history'][-1]['student'] == record['history'][-1]['student']
        assert (again['commit'], again['processor_seconds']) == ('abc, def', None)
        cost = load('page').block(table)
        assert '(1 made in several parts, their time not counted)' in cost
        assert cost.count('abc') == cost.count('def') == 1
        path.unlink()


def _run(tool, pipe):
    """Be a run: say so, and end when the tool has."""
    threading.Thread(target=tool.end_with_parent, daemon=True).start()
    pipe.send('running')
    time.sleep(60)


def _killed_tool(tool, pipe):
    """Be a tool that starts a run and is killed."""
    multiprocessing.get_context('fork').Process(target=_run, args=(tool, pipe)).start()
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(os.name != 'posix', reason='needs fork')
def test_a_run_ends_with_its_tool(load):
    """It would train on with nobody to tell of it, and keep its work directory from the next one."""
    context = multiprocessing.get_context('fork')
    reader, writer = context.Pipe(duplex=False)
    killed = context.Process(target=_killed_tool, args=(load('run_processes'), writer))
    killed.start()
    writer.close()
    killed.join()
    assert reader.recv() == 'running'
    assert reader.poll(30)
    with pytest.raises(EOFError):
        reader.recv()


def test_a_figure_without_a_record_is_refused(main, copy):
    page = main('--write')
    (copy / 'page.md').write_text(page.replace('| DACS | 0 | ', '| DACS | 0 | 9'))
    with pytest.raises(UserError, match=r"page\.md has '.*9.*' without a record"):
        main('--check')
    (copy / 'page.md').write_text(page + 'DACS gains 87.65 points, `1.2.3` and `4.56` aside.\n')
    with pytest.raises(UserError, match=r'page\.md says 87\.65, which no table'):
        main('--check')
    with pytest.raises(UserError, match='87'):
        main('--write')


def test_a_row_without_all_its_ways_has_no_number(main, copy):
    (copy / 'records/toy/dacs_left_seed0.json').unlink()
    page = main('--write')
    assert '| DACS |' not in page
    assert page.count(' Not run: DACS.\n') == 1
    shutil.rmtree(copy / 'records')
    assert 'No run yet. Not run: source only; DACS; labels.\n' in main('--write')


def test_a_record_of_other_settings_is_refused(main, copy):
    (copy / 'toy.yaml').write_text(TABLE.replace('methods: [dacs]', 'methods: [dacs], steps: 3'))
    with pytest.raises(UserError, match=r'dacs_left_seed0\.json was made with other settings'):
        main('--write')


def _without(key):
    return lambda record: {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize(
    ('spoil', 'sentence'),
    [
        (lambda record: json.dumps(record)[:200], 'is no JSON .*: get it back from git'),
        (lambda record: '', 'is no JSON'),
        (lambda record: '\xff', 'is no JSON'),
        (lambda record: [], 'is no whole record, it has no table, row'),
        (_without('scores'), 'is no whole record, it has no scores: remove it'),
        (lambda record: dict(record, seed=1), "is the record of 'DACS', seed 1, way left of the table toy: remove it"),
        (lambda record: dict(record, way='right'), "is the record of 'DACS', seed 0, way right"),
    ],
)
def test_a_broken_record_is_refused(main, copy, spoil, sentence):
    path = copy / 'records/toy/dacs_left_seed0.json'
    spoilt = spoil(json.loads(path.read_text()))
    path.write_bytes((spoilt if isinstance(spoilt, str) else json.dumps(spoilt)).encode('latin-1'))
    with pytest.raises(UserError, match=rf'dacs_left_seed0\.json {sentence}'):
        main('--write')


def test_a_record_of_no_row_is_refused(main, copy):
    shutil.copy(copy / 'records/toy/dacs_left_seed0.json', copy / 'records/toy/dacs_left_seed1.json')
    with pytest.raises(UserError, match=r'dacs_left_seed1\.json is of no run that toy\.yaml has'):
        main('--write')


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        (lambda page: page + 'It gains 87.65.\n', r'page\.md says 87\.65, which no table'),
        (lambda page: page.replace('<!-- end of table -->', ''), 'has no table, or one whose marks are not whole'),
        (lambda page: page.replace('<!-- table', '<!--table'), 'has no table, or one whose marks are not whole'),
        (lambda page: 'DACS gains 1.2.', r'toy is no table of page\.md'),
        (lambda page: page + page.replace('toy -->', 'tyo -->'), "has a table 'tyo', which no .*did you mean 'toy'"),
        (lambda page: page + '<!-- end of table -->', "has '<!-- end of table -->' where a table has not begun"),
        (lambda page: page.replace('<!-- end', '<!-- table: toy -->\n<!-- end'), 'where a table has not ended'),
        (lambda page: re.sub(r'\| labels \| 0.*\n', '', page), r"lacks '\| labels \| 0 .*', which the records give"),
        (lambda page: re.sub(r'(\| labels \| 0.*\n)', r'\1\1', page), r"has '\| labels .*' without a record"),
    ],
)
def test_no_figure_of_a_page_is_passed_over(main, copy, change, sentence):
    (copy / 'page.md').write_text(change(main('--write')))
    with pytest.raises(UserError, match=sentence):
        main('--check')


def test_scores_alone_are_of_seeds_that_have_all_pairs(load, classified, tmp_path):
    folder = shutil.copytree(classified.path.parent, tmp_path / 'pairs')
    (folder / 'records/pairs/dan-transnorm_l-r_seed0.json').unlink()
    table = load('tables').read_table(str(folder / 'pairs.yaml'))
    assert '| DAN, TransNorm | 0 | – |' in load('page').block(table)
    assert '| DAN, TransNorm |' not in load('page').scores_block(table)


def test_pairs_of_domains_are_columns(load, classified):
    """Each row is run for each pair, source only, too; the score is that of the counts in the records."""
    records, page = load('records'), load('page').block(classified)
    assert [run.name for run in classified.runs()] == [
        f'{row}_{pair}_seed0' for row in ('source-only', 'dan-transnorm') for pair in ('l-r', 'r-l')
    ]
    lines = [line.strip('| ').split(' | ') for line in page.splitlines() if line.startswith('|')]
    assert lines[0] == ['seeds', 'L → R', 'R → L', 'mean gain', 'mean of classes', 's a step']
    for run in classified.runs():
        record = records.read_record(classified, run)
        counts = record['scores'][run.way]['target']
        assert [images for _, images in counts.values()] == ([4, 2] if run.way == 'L → R' else [3, 3])
        accuracy = 100 * sum(right for right, _ in counts.values()) / 6
        cells = next(cells for cells in lines if cells[0] == run.row)
        assert cells[2 + list(classified.ways).index(run.way)] == f'{accuracy:.2f}'
        assert (
            record['settings']['variables']['pair'] == dict(zip(classified.ways, ('left-right', 'right-left')))[run.way]
        )


def test_the_norm_of_a_row_is_a_variable(load, classified):
    tables = load('tables')
    kinds = {
        run.row: tables.run_config(classified, run).model.get('student', {}).get('neck', {}).get('norm_cfg')
        for run in classified.runs()
    }
    assert kinds == {'source only': None, 'DAN, TransNorm': dict(type='mmuda.TransNorm1d')}


def test_images_are_scored_alike_and_classes_alike(load):
    score = load('records').score(dict(cup=[4, 8], pen=[2, 2]), 'classification')
    assert score == {'accuracy': 60.0, 'mean of classes': 75.0, 'cup': 50.0, 'pen': 100.0}


@pytest.mark.parametrize(
    'change, sentence',
    [
        (('score: {target: {}}', 'score: {target: {}, seen: {}}'), 'ways with variables score one set each'),
        (('source only: {', 'source only: {target_labels: x, '), 'target_labels, .*, in a table of classification'),
        (('task: classification', 'task: detection'), "no task 'detection', choose one of segmentation, class"),
    ],
)
def test_a_table_of_pairs_that_does_not_fit_is_refused(load, tmp_path, change, sentence):
    (tmp_path / 'bad.yaml').write_text(PAIRS.replace(*change))
    with pytest.raises(UserError, match=sentence):
        load('tables').read_table(str(tmp_path / 'bad.yaml'))


def test_a_work_directory_of_other_settings_is_refused(load, trained, tmp_path):
    """A run goes on where it was interrupted, but not with what other settings have begun."""
    tables, claim = load('tables'), load('records').claim_work_dir
    table = tables.read_table(str(trained / 'toy.yaml'))
    run = next(run for run in table.runs() if run.row == 'DACS')
    claim(table, run, trained / 'runs' / 'toy' / run.name)  # as it was trained
    claim(table, run, tmp_path / 'new')
    claim(dataclasses.replace(table, title='Streets'), run, tmp_path / 'new')
    with pytest.raises(UserError, match=r'new holds a run with other settings than .*: remove it'):
        claim(dataclasses.replace(table, steps=3), run, tmp_path / 'new')
    (tmp_path / 'new/settings.json').write_text('{')
    with pytest.raises(UserError, match=r'settings\.json is no JSON .*: remove the folder'):
        claim(table, run, tmp_path / 'new')


def test_parts_are_scored_as_one_set(load):
    """Intersections and unions add up: the mean of the parts' scores would be another number."""
    records = load('records')
    parts = [dict(car=[1, 2], sky=[0, 0]), dict(car=[2, 8], sky=[3, 4])]
    assert records.pooled(parts) == dict(car=[3, 10], sky=[3, 4])
    assert records.score(records.pooled(parts)) == pytest.approx(dict(mIoU=52.5, car=30, sky=75))
    assert list(records.score(parts[0])) == ['mIoU', 'car']


@pytest.mark.parametrize(
    'change, sentence',
    [
        (('start: source only', 'start: MIC'), "'DACS' starts from 'MIC', which is no row above"),
        (('baseline: source only', 'baseline: MIC'), "baseline 'MIC' is no row"),
        (('score: {unseen: {indices: [0]}', 'score: {seen: {indices: [0]}'), 'sets of the same names'),
        (('methods: [dacs]', 'method: dacs'), r'is no table \(TypeError'),
        (('steps: 2', 'step: 2'), r'is no table \(TypeError'),
        ((TABLE, ''), 'is empty: it has to be a mapping'),
        (('steps: 2', 'steps: [2'), 'cannot be read: '),
        (('title: Toy streets', 'title: x\nlike: bad'), "bad.yaml: its 'like' leads back to itself"),
        (('title: Toy streets', 'title: x\nlike: none'), r"table '.*none\.yaml' cannot be read: No such file"),
        (('  labels: {', '  DACS: {'), "the key 'DACS' stands in it twice"),
        (('  labels: {', '  DACS!: {'), 'would have one record, dacs_left_seed0'),
        (('seeds: [0]', 'seeds: [0, 0]'), 'would have one record, source-only_seed0'),
        (('    train: {train', '    trian: {train'), "way 'left' has 'trian', which nothing reads"),
        (('    score: {unseen: {indices: [1]}, adapted: {indices: [0]}}\n', ''), "way 'left' scores nothing"),
        (('steps: 2', 'steps: 2\nvalidations: 0'), 'validations=0 leaves nothing'),
        (('options: {train_dataloader', 'options: {train_dataloadr'), "no part of a run reads 'train_dataloadr'; did"),
        (('train: {train_dataloader', 'train: {train_dataloadr'), "no part of a run reads 'train_dataloadr'; did"),
        (('methods: [dacs]', 'methods: dacs'), "'DACS' has methods or hooks that are no list"),
        (('methods: [dacs]', 'methods: [dcs]'), "has the method 'dcs', of which there is no file; did you mean 'dacs'"),
        (('methods: [dacs]', 'methods: [dacs], target_labels: x'), "'DACS' has methods and target_labels"),
        (('labels: {target', 'labels: {model: mmuda.UDAModel, target'), "'labels' has model=mmuda.UDAModel, which"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(load, tmp_path, change, sentence):
    (tmp_path / 'bad.yaml').write_text(TABLE.replace(*change))
    with pytest.raises(UserError, match=sentence):
        load('tables').read_table(str(tmp_path / 'bad.yaml'))


def test_a_table_s_score_is_better_the_greater_it_is(load):
    """Its gains, best checkpoints and shares of a gap say so."""
    assert {rule_of(metric) for metric in load('tables').METRICS.values()} == {'greater'}


def test_a_table_takes_from_another_what_it_does_not_say(load, tmp_path):
    (tmp_path / 'toy.yaml').write_text(TABLE)
    own = 'title: Other streets\nlike: toy\nconfig: other.py\nrows_like: [source only]\nrows: {longer: {steps: 3}}'
    (tmp_path / 'other.yaml').write_text(own)
    table, other = (load('tables').read_table(str(tmp_path / f'{name}.yaml')) for name in ('toy', 'other'))
    assert (other.title, other.config, list(other.rows)) == ('Other streets', 'other.py', ['source only', 'longer'])
    assert (other.ways, other.steps, other.rows['source only']) == (table.ways, table.steps, table.rows['source only'])
    (tmp_path / 'other.yaml').write_text(own.replace('[source only]', '[MIC]'))
    with pytest.raises(UserError, match=r"other.yaml is no table \(KeyError: 'MIC'"):
        load('tables').read_table(str(tmp_path / 'other.yaml'))


def test_an_unknown_table_is_named(load):
    with pytest.raises(UserError, match=r"no table 'dusk2day': .* choose one of .*day2dusk"):
        load('tables').read_table('dusk2day')


def test_every_row_of_every_table_is_a_whole_config(load):
    """One run of each row, with its first way: the config is one that a training accepts."""
    pytest.importorskip('timm')
    from mmuda.apis.preflight import check_config, check_schedule

    tables = load('tables')
    for path in sorted(tables.TABLES.glob('*.yaml')):
        table, sources = tables.read_table(path.stem), []
        for row in table.rows:
            run = next(run for run in table.runs() if run.row == row)
            cfg = tables.run_config(table, run)
            check_schedule(cfg)
            check_config(cfg, 'train')
            assert (cfg.train_dataloader.dataset.target is None) == (not table.rows[row].methods)
            assert cfg.train_cfg.max_iters == table.settings(run)['steps']
            source, labels = cfg.train_dataloader.dataset.source, table.rows[row].target_labels
            if table.task == 'segmentation':
                assert (source.data_prefix.seg_map_path == labels) == bool(labels)
                crop = next(step for step in source.pipeline if step.type == 'mmuda.RandomCrop').crop_size
                assert list(crop) == list(table.variables.get('crop_size', crop))
            sources += [source] * (labels is None)
        assert all(source == sources[0] for source in sources)  # every row sees the source alike


@pytest.mark.parametrize('page', ['docs/benchmark.md', 'README.md'])
def test_a_page_has_only_figures_of_runs(load, repo, page):
    tables = load('tables')
    names = sorted(path.stem for path in tables.TABLES.glob('*.yaml'))
    assert '<!-- end of table -->' in (repo / page).read_text()
    load('page').check_page(repo / page, [tables.read_table(name) for name in names])


def test_a_run_is_named_by_all_that_tells_it_apart(load):
    tables = load('tables')
    names = [run.name for run in tables.read_table('day2dusk').runs()]
    assert len(set(names)) == len(names)
    assert dataclasses.replace(tables.Run('DAFormer recipe', 1, 'first half')).name == (
        'daformer-recipe_first-half_seed1'
    )
