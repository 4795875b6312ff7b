"""The small tools around runs: summaries and curves over seeds, plain networks out of UDA checkpoints."""

import importlib
import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from mmuda.apis import UserError
from mmuda.apis.run_log import read_log


@pytest.fixture
def load(repo, monkeypatch):
    """A tool's module, as Python finds it when the tool is run."""
    monkeypatch.syspath_prepend(str(repo / 'tools' / 'analysis_tools'))
    return importlib.import_module


@pytest.fixture
def call(load, monkeypatch):
    """Run a tool's main with arguments."""

    def _call(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        load(name).main()

    return _call


def write_log(work_dir, log, rows):
    path = work_dir / log / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a') as file:
        file.writelines(json.dumps(row) + '\n' for row in rows)


@pytest.fixture
def runs(tmp_path):
    """Three runs, each with two evaluations; the first run was resumed."""
    for seed, scores in enumerate([(40, 50), (70, 52), (30, 54)]):
        for number, score in enumerate(scores):
            step = 100 * (number + 1)
            rows = [{'loss': 3.0 - number, 'step': step}, {'mIoU': score, 'IoU.car': score - 1, 'step': step}]
            write_log(tmp_path / f'stct_s{seed}', f'2026_{number if seed == 0 else 0}', rows)
    return tmp_path


def test_summary_of_last_scores(call, runs, capsys):
    call('summarize_runs', f'STCT={runs}/stct_s*', '--per-class')
    assert capsys.readouterr().out.splitlines() == [
        '|  | runs | mIoU | car |',
        '| --- | --- | --- | --- |',
        '| STCT | 3 | 52.00 ± 2.00 | 51.00 ± 2.00 |',
    ]


def test_summary_of_best_scores(call, runs, capsys):
    call('summarize_runs', f'one={runs}/stct_s1', '--pick', 'best')
    out = capsys.readouterr().out
    assert '| one | 1 | 70.00 |' in out
    assert 'mIoU (best, chosen by target labels)' in out


@pytest.mark.parametrize('score', ['mmuda/entropy', 'teacher/loss'])
def test_where_less_is_better_the_least_is_the_best(call, load, tmp_path, capsys, score):
    write_log(
        tmp_path / 'run', '2026_0', [{score: value, 'step': step} for step, value in ((1, 0.5), (2, 0.125), (3, 0.25))]
    )
    call('summarize_runs', f'one={tmp_path}/run', '--pick', 'best', '--score', score)
    out = capsys.readouterr().out
    assert '| one | 1 | 0.1250 |' in out
    assert ('chosen by target labels' in out) == (score == 'teacher/loss')
    tool = load('plot_curves')
    curve = tool.curve_of({tmp_path / 'run': read_log(tmp_path / 'run')}, score)
    assert tool.reached('x', curve, score, 0.3) == f'x: mean {score} 0.3 or less at iteration 2'
    assert tool.reached('x', curve, score, 0.1) == f'x: mean {score} above 0.1 up to iteration 3 (at least 0.1250)'


def test_summary_of_nothing(call, runs):
    with pytest.raises(UserError, match='no work directory matches'):
        call('summarize_runs', f'x={runs}/gone*')
    with pytest.raises(UserError, match="no log of the score 'mIoU16'"):
        call('summarize_runs', f'x={runs}/stct_s*', '--score', 'mIoU16')


def test_a_later_log_counts_from_its_first_step_on(load, tmp_path):
    """Killed at step 300 and resumed from step 100."""
    write_log(tmp_path, '2026_1', [{'step': step, 'loss': 1} for step in (100, 200, 300)])
    write_log(tmp_path, '2026_2', [{'step': 200, 'loss': 2}, {'step': 200, 'mIoU': 50}])
    (tmp_path / '2026_3' / 'vis_data').mkdir(parents=True)
    (tmp_path / '2026_3' / 'vis_data' / 'scalars.json').touch()
    rows = read_log(tmp_path)
    assert rows == [{'step': 100, 'loss': 1}, {'step': 200, 'loss': 2}, {'step': 200, 'mIoU': 50}]


def test_curves_of_the_mean_and_its_spread(call, load, runs, tmp_path, capsys):
    out = tmp_path / 'pictures' / 'curves.png'
    call('plot_curves', f'STCT={runs}/stct_s*', f'one={runs}/stct_s1', '--out', out, '--reach', 'mIoU=52', '--dpi', 40)
    assert capsys.readouterr().out.splitlines() == [
        'STCT: mean mIoU 52 or more at iteration 200',
        'one: mean mIoU 52 or more at iteration 100',
        f'{out}: mIoU, loss of 4 runs',
    ]
    assert np.asarray(Image.open(out).convert('L')).std() > 5
    tool = load('plot_curves')
    curve = tool.curve_of({path: read_log(path) for path in runs.glob('stct_s*')}, 'mIoU')
    assert curve.steps.tolist() == [100, 200]
    np.testing.assert_allclose(curve.mean, [140 / 3, 52])
    np.testing.assert_allclose(curve.deviation, [np.std([40, 70, 30], ddof=1), 2])
    assert tool.reached('x', curve, 'mIoU', 60) == 'x: mean mIoU below 60 up to iteration 200 (at most 52.00)'
    assert tool.reached('x', None, 'mIoU', 60) == 'x: no mIoU was logged'


def test_a_curve_ends_with_the_shortest_run_of_its_group(load, runs):
    write_log(runs / 'stct_s3', '2026_0', [{'mIoU': 20, 'step': 100}])
    logs = {path: read_log(path) for path in runs.glob('stct_s*')}
    curve = load('plot_curves').curve_of(logs, 'mIoU')
    assert (curve.steps.tolist(), curve.mean.tolist(), curve.runs) == ([100], [40], 4)
    assert load('plot_curves').curve_of(logs, 'accuracy') is None


def test_curves_that_cannot_be_drawn(call, runs, tmp_path):
    group, out = f'STCT={runs}/stct_s*', ['--out', tmp_path / 'curves.png']
    with pytest.raises(UserError, match=r"no run has logged 'acc': choose of IoU.car, loss, mIoU, step"):
        call('plot_curves', group, *out, '--keys', 'mIoU', 'acc')
    with pytest.raises(UserError, match="no run has logged 'acc'"):
        call('plot_curves', group, *out, '--reach', 'acc=3')
    with pytest.raises(UserError, match='--reach mIoU is no score and value: give one such as accuracy=70'):
        call('plot_curves', group, *out, '--reach', 'mIoU')
    with pytest.raises(UserError, match='has no suffix of a picture'):
        call('plot_curves', group, '--out', tmp_path / 'curves')
    write_log(runs / 'stct_s3', '2026_0', [{'time': 1, 'step': 50}])
    with pytest.raises(UserError, match=r"stct_s3 has logged 'mIoU' at 0 iterations, none of which"):
        call('plot_curves', group, *out)
    with pytest.raises(UserError, match='no run has logged mIoU or accuracy or a loss: name what to draw by --keys'):
        call('plot_curves', f'{runs}/stct_s3', *out)
    assert not (tmp_path / 'curves.png').exists()


def test_the_network_of_a_uda_checkpoint(call, tmp_path, capsys):
    state = {'student.a.weight': torch.ones(2), 'teacher.a.weight': torch.zeros(2), 'step': torch.tensor(3)}
    torch.save(dict(state_dict=state, meta=dict(iter=3, dataset_meta=dict(classes=['x']))), tmp_path / 'uda.pth')
    for network, value in (('student', 1), ('teacher', 0)):
        call('extract_network', tmp_path / 'uda.pth', tmp_path / 'new/net.pth', '--network', network)
        plain = torch.load(tmp_path / 'new/net.pth', weights_only=True)
        assert plain['state_dict'].keys() == {'a.weight'}
        assert (plain['state_dict']['a.weight'] == value).all()
        assert plain['meta']['dataset_meta'] == dict(classes=['x'])
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['net.pth']


def test_a_plain_checkpoint_has_no_student(call, tmp_path):
    torch.save(dict(state_dict={'a': torch.ones(1)}), tmp_path / 'plain.pth')
    with pytest.raises(UserError, match='has no student'):
        call('extract_network', tmp_path / 'plain.pth', tmp_path / 'out.pth')


@pytest.fixture
def attention_runs(tmp_path):
    """Two runs whose weights w_ij of two layers drift apart, an accuracy and two losses beside them."""
    for seed, drift in enumerate((0.1, 0.2)):
        rows = []
        for number, step in enumerate((50, 100, 150)):
            w = 0.5 + drift * number
            weights = {'acda.w_1_1': w, 'acda.w_1_2': 1 - w, 'acda.w_2_1': 0.25, 'acda.w_2_2': 0.75}
            rows.append({**weights, 'loss': 3 - number, 'loss_acda': 0.3, 'loss_source': 2, 'step': step})
        write_log(tmp_path / f'acda_s{seed}', '2026_0', [*rows, {'accuracy': 60 + seed, 'step': 150}])
    return tmp_path


def test_the_weights_between_layers(call, load, attention_runs, tmp_path, capsys):
    out, pattern = tmp_path / 'pictures' / 'weights.png', f'{attention_runs}/acda_s*'
    call('plot_cross_layer', f'ACDA={pattern}', '--out', out, '--layers', 'low', 'high', '--dpi', 40)
    assert capsys.readouterr().out.splitlines() == [
        'ACDA: weights at iteration 150, a row a target layer: 0.800 0.200; 0.250 0.750',
        f'{out}: 2 runs',
    ]
    assert np.asarray(Image.open(out).convert('L')).std() > 5
    logs = {path: read_log(path) for path in attention_runs.glob('acda_s*')}
    weights = load('plot_cross_layer').weights_of(logs, 'acda')
    assert (weights.steps.tolist(), weights.runs) == ([50, 100, 150], 2)
    np.testing.assert_allclose(weights.mean[1], [[0.65, 0.35], [0.25, 0.75]])
    np.testing.assert_allclose(weights.deviation[1], [[np.std([0.6, 0.7], ddof=1)] * 2, [0, 0]], atol=1e-12)


def test_the_curves_of_figure_5(call, attention_runs, tmp_path, capsys):
    """The accuracy and the training losses of a run with a term, chosen or by default."""
    out, group = tmp_path / 'curves.png', f'ACDA={attention_runs}/acda_s*'
    call('plot_curves', group, '--out', out, '--dpi', 30, '--keys', 'accuracy', 'loss', 'loss_acda')
    call('plot_curves', group, '--out', out, '--dpi', 30)
    assert capsys.readouterr().out.splitlines() == [
        f'{out}: accuracy, loss, loss_acda of 2 runs',
        f'{out}: accuracy, loss, loss_acda, loss_source of 2 runs',
    ]


def test_weights_that_cannot_be_drawn(call, runs, attention_runs, tmp_path):
    group, out = f'ACDA={attention_runs}/acda_s*', ['--out', tmp_path / 'weights.png']
    with pytest.raises(UserError, match=r"have logged 0 keys 'acda\.w_i_j', which are no weights of m x m pairs"):
        call('plot_cross_layer', f'{runs}/stct_s*', *out)
    with pytest.raises(UserError, match=r"have logged 0 keys 'other\.w_i_j'"):
        call('plot_cross_layer', group, *out, '--term', 'other')
    with pytest.raises(UserError, match='--layers has 1 names, but there are 2 layers: give one each'):
        call('plot_cross_layer', group, *out, '--layers', 'low')
    with pytest.raises(UserError, match='--maps: 0 is not a number from 1 on'):
        call('plot_cross_layer', group, *out, '--maps', 0)
    write_log(tmp_path / 'one_s0', '2026_0', [{'acda.w_1_1': 1, 'step': 50}])
    with pytest.raises(UserError, match="'ACDA' has weights of 2 layers and 'one' of 1: draw them apart"):
        call('plot_cross_layer', group, f'one={tmp_path}/one_s0', *out)
    write_log(attention_runs / 'acda_s1', '2026_1', [{'acda.w_1_3': 0.1, 'step': 200}])
    with pytest.raises(UserError, match=r'acda_s0 and the other runs of its group have logged 5 keys'):
        call('plot_cross_layer', group, *out)
    assert not (tmp_path / 'weights.png').exists()
