"""The small tools around runs: summaries over seeds, plain networks out of UDA checkpoints."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch

from mmuda.apis import UserError

TOOLS = Path(__file__).resolve().parents[2] / 'tools' / 'analysis_tools'


def load(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def call(monkeypatch):
    """Run a tool's main with arguments."""

    def _call(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        load(name).main()

    return _call


@pytest.fixture
def runs(tmp_path):
    """Three runs, each with two evaluations; the first run was resumed."""
    for seed, scores in enumerate([(40, 50), (70, 52), (30, 54)]):
        for number, score in enumerate(scores):
            log = tmp_path / f'stct_s{seed}' / f'2026_{number if seed == 0 else 0}' / 'vis_data' / 'scalars.json'
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open('a') as file:
                file.write(json.dumps({'loss': 1.0}) + '\n' + json.dumps({'mIoU': score, 'IoU.car': score - 1}) + '\n')
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


def test_summary_of_nothing(call, runs):
    with pytest.raises(UserError, match='no work directory matches'):
        call('summarize_runs', f'x={runs}/gone*')
    with pytest.raises(UserError, match="no log of the score 'mIoU16'"):
        call('summarize_runs', f'x={runs}/stct_s*', '--score', 'mIoU16')


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
