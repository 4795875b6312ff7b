"""Two gloo processes with batch b take the step of one process with batch 2b."""

import pytest
import torch


@pytest.mark.parametrize(
    'attention', [[], ['--strategy', 'none'], ['--classify']], ids=['plain', 'hybrid', 'classification']
)
def test_two_processes_have_the_gradients_of_one_with_twice_the_batch(trained, tmp_path, attention):
    """Pairs of hybrid attention stay together, groups would be drawn on each rank; adversaries weigh all samples."""
    options = ['--max-iters', 2, '--norm', 'GN', '--plain', *attention]
    trained('one', *options, '--batch', 8, '--dump', tmp_path / 'one.pth')
    trained('two', *options, '--batch', 4, '--dump', tmp_path / 'two.pth', ranks=2)
    one, two = (torch.load(tmp_path / f'{name}.pth') for name in ('one', 'two'))
    assert one.keys() == two.keys()
    scale = max(gradient.abs().max() for gradient in one.values())
    for name, gradient in one.items():
        torch.testing.assert_close(
            two[name], gradient, atol=2e-6 * scale.item(), rtol=1e-4, msg=lambda text, name=name: f'{name}: {text}'
        )
