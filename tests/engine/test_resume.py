"""A run that is killed and resumed ends with the same bits as one that was not."""

import signal

import pytest
import torch

from .conftest import METHODS


def assert_same_bits(first: dict, second: dict) -> None:
    assert first['meta']['iter'] == second['meta']['iter']
    assert first['state_dict'].keys() == second['state_dict'].keys()
    different = [key for key, value in first['state_dict'].items() if not torch.equal(value, second['state_dict'][key])]
    assert not different
    moments = [x['optimizer']['state'] for x in (first, second)]
    assert moments[0].keys() == moments[1].keys()
    assert all(torch.equal(moments[0][i]['exp_avg'], moments[1][i]['exp_avg']) for i in moments[0])


@pytest.mark.parametrize(
    'ranks, attention',
    [
        (1, []),
        pytest.param(2, [], marks=pytest.mark.slow),
        pytest.param(1, ['--strategy', 'semantic'], marks=pytest.mark.slow),
        pytest.param(2, ['--strategy', 'random'], marks=pytest.mark.slow),
        pytest.param(1, ['--classify'], marks=pytest.mark.slow),
        pytest.param(1, ['--fixmatch'], marks=pytest.mark.slow),
    ],
    ids=['1', '2', '1-semantic', '2-random', '1-classification', '1-fixmatch'],
)
def test_killed_and_resumed_equals_uninterrupted(train, trained, ranks, attention):
    options = ['--max-iters', 4, *attention]
    whole = trained('whole', *options, ranks=ranks)
    codes, _, logs = train('cut', *options, '--kill-at', 2, ranks=ranks)
    assert all(code == -signal.SIGKILL for code in codes), logs[0][-3000:]
    assert_same_bits(whole, trained('cut', *options, '--resume', ranks=ranks))


@pytest.mark.slow
def test_each_method_cut_and_resumed_equals_uninterrupted(train):
    """In two processes, which end between the cut and the resume."""
    options = ['--max-iters', 4, '--method', *METHODS]
    for name, more in (('whole', []), ('cut', ['--raise-at', 2]), ('cut', ['--resume'])):
        codes, work_dir, logs = train(name, *options, *more, ranks=2)
        assert codes == [0, 0], logs[0][-3000:]
        if '--raise-at' in more:
            assert all((work_dir / method / 'last_checkpoint').read_text().endswith('iter_2.pth') for method in METHODS)
    for method in METHODS:
        runs = [work_dir.parent / name / method / 'iter_4.pth' for name in ('whole', 'cut')]
        assert_same_bits(*(torch.load(run, map_location='cpu', weights_only=False) for run in runs))


@pytest.mark.slow
@pytest.mark.parametrize(
    'ranks, options, step',
    [
        (1, [], 3),
        (2, [], 3),
        (1, ['--accumulate', 2], 4),
        (2, ['--accumulate', 2], 4),
        (1, ['--classify'], 3),
        (1, ['--fixmatch'], 3),
        (1, ['--mcd'], 3),
        (1, ['--cluster', 1], 3),
        (2, ['--cluster', 1, '--workers', 2], 3),
    ],
    ids=['1', '2', 'accumulation', 'accumulation-2', 'classification', 'fixmatch', 'mcd', 'clustering', 'clustering-2'],
)
def test_interrupted_and_resumed_equals_uninterrupted(train, trained, ranks, options, step):
    """SIGTERM in step 3 to the last rank, where no checkpoint is due."""
    options = ['--max-iters', 6, *options]
    whole = trained('whole', *options, ranks=ranks)
    codes, work_dir, logs = train('cut', *options, '--signal-at', 3, ranks=ranks)
    assert codes == [143] * ranks, logs[0][-3000:]
    assert f'mmuda: SIGTERM: stopped after step {step}, the checkpoint is {work_dir}/iter_{step}.pth' in logs[0]
    assert_same_bits(whole, trained('cut', *options, '--resume', ranks=ranks))


@pytest.mark.slow
@pytest.mark.parametrize(
    'pretrain, ranks',
    [(1, 1), (1, 2), (2, 1), (2, 2)],
    ids=['between', 'between-2', 'at', 'at-2'],
)
def test_killed_between_two_clusterings_or_right_behind_one(train, trained, pretrain, ranks):
    """The checkpoint of step 2 lies between the clusterings before steps 1 and 3, or has just been clustered for."""
    options = ['--max-iters', 4, '--cluster', pretrain]
    whole = trained('whole', *options, '--workers', 2, ranks=ranks)
    codes, _, logs = train('cut', *options, '--kill-at', 2, ranks=ranks)
    assert all(code == -signal.SIGKILL for code in codes), logs[0][-3000:]
    resumed = trained('cut', *options, '--resume', ranks=ranks)
    assert_same_bits(whole, resumed)
    first, second = (run['clustering'] for run in (whole, resumed))
    assert (
        (first['number'], first['step']) == (second['number'], second['step']) == ((2, 3) if pretrain == 1 else (1, 2))
    )
    assert all(torch.equal(first[name], second[name]) for name in ('label', 'distance', 'centres'))


@pytest.mark.slow
def test_neither_workers_nor_a_rerun_change_a_bit_but_a_seed_does(trained):
    first = trained('first', '--max-iters', 2)
    assert_same_bits(first, trained('workers', '--max-iters', 2, '--workers', 2))
    name = 'student.decode_head.conv_seg.weight'
    assert not torch.equal(
        first['state_dict'][name], trained('seed', '--max-iters', 2, '--seed', 8)['state_dict'][name]
    )
    teacher = first['state_dict']['teacher.decode_head.conv_seg.weight']
    assert first['state_dict']['step'] == 2
    assert not torch.equal(first['state_dict'][name], teacher)
