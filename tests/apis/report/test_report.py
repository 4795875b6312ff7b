"""The report: what the logs say, side by side, in one page that loads nothing."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch
from PIL import Image

from mmuda.apis import UserError
from mmuda.apis.report import (
    choose_baseline,
    find_groups,
    look_at_attention,
    look_at_predictions,
    main_score,
    write_page,
)
from mmuda.apis.report.charts import nice_ticks, panels
from mmuda.datasets.toy_scenes import ToyStreetsSpec, write_toy_streets

HEAD = """2026/01/01 00:00:00 - mmengine - INFO -
    PyTorch: 2.13.0+cpu
    seed: SEED
    GPU number: 1
"""
NO_WORKERS = {'val_dataloader.num_workers': 0, 'val_dataloader.persistent_workers': False}


@pytest.fixture
def run(repo, tmp_path):
    """Write the work directory of a run that logged these scores, at steps 10, 20, …"""

    def make(name, scores, method='stct/stct_segformer_toy', seed=0, **logged):
        folder = tmp_path / name
        logs = folder / '20260101_000000' / 'vis_data'
        logs.mkdir(parents=True)
        (folder / f'{method.rpartition("/")[2]}.py').write_text(f"_base_ = '{repo}/configs/{method}.py'\n")
        (logs.parent / '20260101_000000.log').write_text(HEAD.replace('SEED', str(seed)))
        rows = []
        for number, score in enumerate(scores, 1):
            rows.append(dict(loss=2.0 / number, lr=0.1, time=0.5, step=10 * number))
            scored = {'mIoU': score, 'IoU.road': score, 'IoU.<sky>': float('nan'), 'step': 10 * number, **logged}
            rows.append(scored)
        (logs / 'scalars.json').write_text(''.join(json.dumps(row) + '\n' for row in rows))
        return folder

    return make


SOURCE = 'source_only/source-only_segformer_toy'


@pytest.fixture
def groups(run):
    """A source-only run and two seeds of STCT."""
    words = [f'source only={run("a", [20.0, 30.0], SOURCE)}']
    words += [f'<STCT>={run(f"b{seed}", [30.0, 44.0 + seed], seed=seed, **{"teacher/mIoU": 50.0})}' for seed in (0, 2)]
    return find_groups(words)


def page_of(path, *args) -> str:
    write_page(path, *args)
    return path.read_text(encoding='utf-8')


def test_runs_of_one_name_are_a_group(groups):
    assert [(group.name, len(group.runs), group.adapts) for group in groups] == [
        ('source only', 1, False),
        ('<STCT>', 2, True),
    ]
    first, last = groups[0].first, groups[1].runs[1]
    assert last.facts == dict(torch='2.13.0+cpu', seed='2', processes='1')
    assert first.seconds == 10
    assert groups[1].mean('mIoU') == 45
    assert choose_baseline(groups, None) is groups[0]
    assert choose_baseline(groups[1:], None) is choose_baseline(groups[:1], None) is None
    assert choose_baseline(groups, '<STCT>') is groups[1]
    assert main_score(groups, None) == 'mIoU'


def test_the_page(groups, tmp_path):
    html = page_of(tmp_path / 'page.html', groups, 'mIoU', groups[0])
    text = re.sub(r'\s+', ' ', re.sub(r'<style>.*?</style>|<[^>]*>', ' ', html, flags=re.DOTALL))
    assert 'source only 1 30.00 – 30.00' in text
    assert '&lt;STCT&gt; 2 45.00 ± 1.41 +15.00 50.00 ± 0.00 45.00 ± 1.41' in text
    assert 'road 30.0 45.0 +15.0' in text
    assert '&lt;sky&gt; – –' in text
    assert '<STCT>' not in html
    assert '<sky>' not in html
    assert not re.search(r'(?:src|href)="(?!data:)|url\(|@import|<script', html)
    assert html.count('<svg') == len(panels(groups, 'mIoU')) == 3  # score, loss, rate
    assert html.count('class="band"') == 1  # only the score of two seeds differs


@pytest.fixture
def unlabelled(run):
    """A run whose validation had criteria alone."""

    def make(criterion):
        folder = run(criterion, [0.4, 0.1234])
        (logged,) = folder.glob('*/vis_data/scalars.json')
        logged.write_text(logged.read_text().replace('mIoU', f'mmuda/{criterion}'))
        return find_groups([str(folder)])

    return make


def test_without_labels_the_recommended_criterion_counts(unlabelled, tmp_path):
    groups = unlabelled('mutual_information')
    assert main_score(groups, None) == 'mmuda/mutual_information'
    html = page_of(tmp_path / 'page.html', groups, 'mmuda/mutual_information')
    assert '<b>0.1234</b>' in html
    assert 'The images have no labels' in html
    assert 'chosen by the labels' not in html
    assert [panel['title'] for panel in panels(groups, 'mmuda/mutual_information')] == [
        'mmuda/mutual_information',
        'loss',
        'lr',
    ]


@pytest.mark.parametrize('criterion, best', [('mutual_information', 0.4), ('entropy', 0.1234)])
def test_the_best_value_is_that_of_the_criterion_s_rule(unlabelled, criterion, best):
    assert unlabelled(criterion)[0].best(f'mmuda/{criterion}') == [best]


@pytest.mark.parametrize(
    'score, value, gain, sign',
    [
        ('mIoU', 20.0, '-10.00', 'down'),
        ('mIoU', 40.0, '+10.00', 'up'),
        ('mmuda/entropy', 0.2, '-0.1000', 'up'),
        ('mmuda/entropy', 0.4, '+0.1000', 'down'),
        ('teacher/mmuda/entropy', 0.2, '-0.1000', 'up'),
        ('mmuda/snd', 0.4, '+0.1000', 'up'),
        ('val.loss_ce', 0.2, '-0.1000', 'up'),
    ],
)
def test_a_gain_has_the_colour_of_what_it_means(run, tmp_path, score, value, gain, sign):
    base = 30.0 if score == 'mIoU' else 0.3
    groups = find_groups([f'a={run("a", [1.0], SOURCE, **{score: base})}', f'b={run("b", [1.0], **{score: value})}'])
    html = page_of(tmp_path / 'page.html', groups, score, groups[0])
    assert f'<td class="number {sign}">{gain}</td>' in html
    assert (f'Of {score} less is better.' in html) == ((gain[0] == '-') == (sign == 'up'))


def test_groups_that_are_scored_on_other_images_are_named(groups, tmp_path):
    assert 'do not compare' not in page_of(tmp_path / 'page.html', groups, 'mIoU')
    groups[1].first.cfg.val_dataloader.dataset.indices = [0]
    assert 'scores do not compare: &lt;STCT&gt;.' in page_of(tmp_path / 'page.html', groups, 'mIoU')


def test_a_curve_ends_at_its_last_value(groups):
    score = panels(groups, 'mIoU')[0]
    assert [line['dashed'] for line in score['lines']] == [False, False, True]
    ticks = {tick['text']: float(tick['y']) for tick in score['ticks']}
    ends = [float(line['path'].rpartition(',')[2]) for line in score['lines']]
    low, high = ticks['20'], ticks['40']
    assert ends[0] == pytest.approx((low + high) / 2, abs=0.1)  # 30
    assert ends[1] == pytest.approx(low + 1.25 * (high - low), abs=0.1)  # 45


@pytest.mark.parametrize('low, high', [(0.3, 41.0), (0, 0), (1.97, 2.04), (-5e-5, 3e-3), (7, 7)])
def test_ticks_span_the_values(low, high):
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 6


def test_bad_input(run, groups, tmp_path):
    with pytest.raises(UserError, match='gone does not exist'):
        find_groups([str(tmp_path / 'gone')])
    empty = run('empty', [])
    with pytest.raises(UserError, match='empty has no log of a training'):
        find_groups([str(empty)])
    with pytest.raises(UserError, match="--baseline 'stct' is no group of this report: use source only, <STCT>"):
        choose_baseline(groups, 'stct')
    with pytest.raises(UserError, match="no log of the score 'mIoU16': has the run been evaluated"):
        main_score(groups, 'mIoU16')
    with pytest.raises(UserError, match='none of the scores mIoU, accuracy, mmuda/mutual_information: name one'):
        main_score(find_groups([str(_silent(run('silent', [1.0])))]), None)


def _silent(folder):
    (logged,) = folder.glob('*/vis_data/scalars.json')
    logged.write_text(logged.read_text().replace('mIoU', 'other'))
    return folder


@pytest.fixture
def predicted(run, toy, tmp_path, monkeypatch):
    """Source only and STCT with checkpoints, on three streets."""
    write_toy_streets(str(tmp_path / 'data'), ToyStreetsSpec(train=1, val=3, width=96, height=64))
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path / 'data'))
    state = torch.load(toy[1], weights_only=True)
    run('b', [40.0])
    shutil.copy(toy[1], tmp_path / 'b/iter_1.pth')
    state['state_dict'] = {
        key.removeprefix('student.'): value for key, value in state['state_dict'].items() if key.startswith('student.')
    }
    run('a', [30.0], SOURCE)
    torch.save(state, tmp_path / 'a/iter_1.pth')
    return find_groups([f'source only={tmp_path / "a"}', f'STCT={tmp_path / "b"}'], NO_WORKERS)


def test_pictures_and_confusion(predicted, tmp_path):
    look = look_at_predictions(predicted, 2)
    assert look.images == len(look.shown) == 2
    titles = [cell['title'] for cell in look.shown[0]['cells']]
    assert titles == ['target', 'truth', 'source only', 'STCT', 'confidence of STCT', 'pseudo-label of STCT']
    for counts in look.confusion.values():  # the student says class 5 everywhere
        assert counts.sum() == counts[:, 5].sum() == 2 * 96 * 64
    html = page_of(tmp_path / 'page.html', predicted, 'mIoU', predicted[0], look)
    assert html.count('src="data:image/') == 12
    assert html.count('<details') == 2
    assert 'on 2 images' in html
    assert 'source: 1 images' in html
    if shutil.which('chromium'):
        check_widths(html, tmp_path)


@pytest.mark.parametrize('strategy, pictures', [('semantic', 4 * 6), ('none', 0)])
def test_hybrid_attention(run, toy, tmp_path, monkeypatch, strategy, pictures):
    """Groups of two pairs of images, and how much attention crosses domains; only of runs that have it."""
    write_toy_streets(str(tmp_path / 'data'), ToyStreetsSpec(train=2, val=1, width=96, height=64))
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path / 'data'))
    folders = [run('plain', [40.0]), run('hybrid', [40.0], 'stct/stct-mha_segformer_toy')]
    for folder in folders:
        shutil.copy(toy[1], folder / 'iter_1.pth')
    (config,) = folders[1].glob('*.py')
    config.write_text(f"{config.read_text()}model = dict(student=dict(backbone=dict(strategy='{strategy}')))\n")
    groups = find_groups(map(str, folders))
    (attention,) = look_at_attention(groups)
    assert attention.name == 'stct-mha_segformer_toy'
    assert sum(len(row['cells']) for row in attention.rows) == pictures
    assert [line[0] for line in attention.stages] == [f'stage {stage}' for stage in range(1, 5)]
    for _, tokens, *crossing in attention.stages:
        assert all(0 < float(share) < 1 for share in crossing)
        assert tokens == '–' if strategy == 'none' else 0 < float(tokens) < 1
    html = page_of(tmp_path / 'page.html', groups, 'mIoU', None, None, [attention])
    assert html.count('src="data:image/') == pictures
    if shutil.which('chromium'):
        check_widths(html, tmp_path)
    assert 'Hybrid attention' not in page_of(tmp_path / 'page.html', groups, 'mIoU')


def test_groups_whose_images_are_elsewhere_are_no_error(run, toy, monkeypatch, tmp_path):
    folder = run('hybrid', [40.0], 'stct/stct-mha_segformer_toy')
    shutil.copy(toy[1], folder / 'iter_1.pth')
    monkeypatch.setenv('MMUDA_DATA', str(tmp_path / 'gone'))
    groups = find_groups([str(folder)])
    (attention,) = look_at_attention(groups)
    assert 'gone' in attention.missing
    assert 'Not looked at: ' in page_of(tmp_path / 'page.html', groups, 'mIoU', None, None, [attention])


def check_widths(html, tmp_path):
    """Nothing but scrolled tables is wider than a window of a browser: matrices, and the one of what was run."""
    fits = "[...document.querySelectorAll('.scroll:not(:has(.matrix))')].map(box => box.scrollWidth <= box.clientWidth)"
    title = f'${{document.documentElement.scrollWidth}} ${{innerWidth}} ${{{fits}}}'
    script = f'<script>document.title = `{title}`</script></body>'
    (tmp_path / 'tried.html').write_text(html.replace('</body>', script), encoding='utf-8')
    options = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking'
    options += f' --disable-component-update --disable-sync --user-data-dir={tmp_path / "profile"} --dump-dom'
    for width in (500, 1200):
        command = ['chromium', *options.split(), f'--window-size={width},800', f'file://{tmp_path / "tried.html"}']
        dom = subprocess.run(command, capture_output=True, text=True, timeout=300).stdout
        wide, inner, fit = re.search(r'<title>(\d+) (\d+) ([\w,]+)</title>', dom).groups()
        assert int(wide) <= int(inner) <= width
        scores, _, *others = fit.split(',')
        assert {scores, *others} == {'true'}, (width, fit)


def test_pictures_of_a_classifier(classifier, run, tmp_path):
    for number, name in enumerate(('ape', 'bee', 'cat')):
        (tmp_path / 'classes' / name).mkdir(parents=True)
        Image.fromarray(np.full((28, 28, 3), 80 * number, np.uint8)).save(tmp_path / 'classes' / name / 'x.png')
    config, checkpoint = classifier()
    folder = run('c', [50.0])
    next(folder.glob('*.py')).unlink()
    shutil.copy(config, folder / 'c.py')
    shutil.copy(checkpoint, folder / 'iter_1.pth')
    look = look_at_predictions(find_groups([f'plain={folder}']), 9)
    assert look.images == 3
    assert not look.maps
    assert [re.sub(r'plain: \w+ \(.*\)', '?', image['cells'][0]['title']) for image in look.shown] == [
        f'truth: {name} · ?' for name in ('ape', 'bee', 'cat')
    ]
    assert look.confusion['plain'].sum(1).tolist() == [1, 1, 1]
