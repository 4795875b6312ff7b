"""Two gloo processes with batch b take the step of one process with batch 2b."""

import pytest
import torch

from .conftest import METHODS


@pytest.mark.parametrize(
    'case, tolerance',
    [
        ([], 2e-6),
        pytest.param(['--strategy', 'none'], 2e-6, marks=pytest.mark.slow),
        pytest.param(['--classify'], 2e-6, marks=pytest.mark.slow),
        pytest.param(  # Adam turns rounding into steps
            ['--classify', '--norm', 'mmuda.TransNorm', '--max-iters', 1], 1e-5, marks=pytest.mark.slow
        ),
        pytest.param(['--fixmatch', '--ratio', '1', '3'], 2e-6, marks=pytest.mark.slow),
        pytest.param(['--fixmatch', '--dida'], 2e-6, marks=pytest.mark.slow),
        pytest.param(['--align'], 2e-6, marks=pytest.mark.slow),
    ],
    ids=['plain', 'hybrid', 'classification', 'TransNorm', 'fixmatch', 'dida', 'alignment'],
)
def test_two_processes_have_the_gradients_of_one_with_twice_the_batch(trained, tmp_path, case, tolerance):
    """Pairs of hybrid attention stay together, groups would be drawn on each rank; adversaries weigh all samples.

    FixMatch has unequal domains; of its three labels one rank is sure of none, the other of two.
    """
    options = ['--norm', 'GN', '--plain', '--max-iters', 2, '--dump', 'gradients.pth', *case]
    trained('one', *options, '--batch', 8)
    trained('two', *options, '--batch', 4, ranks=2)
    assert_same_gradients(*(torch.load(tmp_path / name / 'gradients.pth') for name in ('one', 'two')), tolerance)


@pytest.mark.slow
def test_each_method_has_the_gradients_of_one_process_with_twice_the_batch(train, tmp_path):
    """Without the draws of mixing, masks and colours, which are each rank's own.

    Adversaries have one step: Adam turns the rounding of their small gradients into steps.
    """
    options = ['--norm', 'GN', '--plain', '--dump', 'gradients.pth']
    for name, batch, ranks in (('one', 8, 1), ('two', 4, 2)):
        for methods, steps in ((METHODS[:-2], 2), (METHODS[-2:], 1)):
            more = ['--batch', batch, '--max-iters', steps, '--method', *methods]
            codes, _, logs = train(name, *options, *more, ranks=ranks)
            assert codes == [0] * ranks, logs[0][-3000:]
    for method in METHODS:
        one, two = (torch.load(tmp_path / name / method / 'gradients.pth') for name in ('one', 'two'))
        assert_same_gradients(one, two, 2e-6)


def assert_same_gradients(one, two, tolerance):
    assert one.keys() == two.keys()
    scale = max(gradient.abs().max() for gradient in one.values())
    for name, gradient in one.items():
        torch.testing.assert_close(
            two[name], gradient, atol=tolerance * scale.item(), rtol=1e-4, msg=lambda text, name=name: f'{name}: {text}'
        )


def test_two_processes_give_the_labels_of_one(trained):
    """Seven images of each domain, in batches of four, are parts of unequal size."""
    options = ['--max-iters', 1, '--cluster', 0, '--batch', 4]
    one, two = (trained(f'{ranks}', *options, ranks=ranks)['clustering'] for ranks in (1, 2))
    assert (one['number'], one['step']) == (two['number'], two['step']) == (1, 0)
    assert one['label'].unique().numel() > 1
    assert all(torch.equal(one[name], two[name]) for name in ('label', 'distance', 'centres'))
