"""Checkpoints that fit, and all the ways not to."""

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmuda.apis import UserError, check_checkpoint, load_checkpoint, load_config, read_checkpoint, read_state
from mmuda.registry import MODELS


def net(width: int = 3) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 1), nn.BatchNorm2d(width))


@pytest.fixture
def saved(tmp_path):
    """Save a state dict the way a runner does."""

    def _save(state, name='net.pth', nest=True):
        path = tmp_path / name
        torch.save(dict(state_dict=state, meta=dict(iter=3)) if nest else state, path)
        return path

    return _save


@pytest.mark.parametrize('nest', [True, False])
def test_a_fitting_checkpoint_is_loaded(saved, nest):
    source, target = net(), net()
    load_checkpoint(target, saved(source.state_dict(), nest=nest))
    for a, b in zip(source.parameters(), target.parameters()):
        assert torch.equal(a, b)


def test_a_check_changes_no_bit_of_the_model(saved, toy):
    """Neither of a plain model nor of a UDA model, whose own checkpoint has another step."""
    config, checkpoint = toy
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(load_config(config).model)
    state = torch.load(checkpoint)['state_dict'] | dict(step=torch.tensor(40))
    for other, weights in ((net(), net().state_dict()), (model, state)):
        before = {name: value.clone() for name, value in other.state_dict().items()}
        check_checkpoint(other, saved(weights))
        assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())
        assert any(not torch.equal(value, before[name]) for name, value in weights.items())


def test_the_prefix_of_ddp_is_taken_off(saved):
    state = {f'module.{key}': value for key, value in net().state_dict().items()}
    assert set(read_state(saved(state))) == set(net().state_dict())


def test_another_size(saved):
    with pytest.raises(UserError, match=r'0\.weight has shape \[5, 3, 1, 1\] where the model wants \[\d, 3, 1, 1\]'):
        check_checkpoint(net(), saved(net(5).state_dict()))


def test_other_keys_are_named(saved):
    state = net().state_dict()
    state['head.weight'] = state.pop('0.weight')
    with pytest.raises(
        UserError,
        match=r'another model than Sequential: it lacks 1 tensors \(0\.weight\); '
        r'it has unknown 1 tensors \(head\.weight\); use the config',
    ):
        check_checkpoint(net(), saved(state))


def test_only_the_first_keys_are_named(saved):
    with pytest.raises(UserError, match=r'lacks 6 tensors \(0\.weight, 0\.bias, 1\.weight, \.\.\.\)'):
        check_checkpoint(net(), saved({'x': torch.zeros(1)}))


def test_a_uda_checkpoint_for_a_plain_model_names_the_remedy(saved):
    state = {f'student.{key}': value for key, value in net().state_dict().items()}
    with pytest.raises(UserError, match=r'extract_network\.py'):
        check_checkpoint(net(), saved(state))


def test_counters_of_batch_norm_may_be_absent(saved):
    state = {key: value for key, value in net().state_dict().items() if 'num_batches' not in key}
    check_checkpoint(net(), saved(state))


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r'gone\.pth does not exist'):
        read_checkpoint(tmp_path / 'gone.pth')


def test_a_missing_file_names_those_beside_it(saved):
    path = saved(net().state_dict(), 'iter_200.pth')
    for step, there in ((300, r'is iter_200\.pth'), (400, r'are iter_200\.pth, iter_300\.pth')):
        with pytest.raises(UserError, match=rf'does not exist: give the path of a \.pth file; there {there}$'):
            read_checkpoint(path.with_name('iter_4000.pth'))
        saved(net().state_dict(), f'iter_{step}.pth')
    saved(net().state_dict(), 'iter_500.pth')
    with pytest.raises(UserError, match=r'; there are iter_200\.pth, iter_300\.pth, iter_400\.pth, \.\.\.$'):
        read_checkpoint(path.with_name('iter_4000.pth'))


def test_a_truncated_file(saved):
    path = saved(net().state_dict())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r'net\.pth cannot be read .*truncated'):
        read_checkpoint(path)


def test_a_text_file(tmp_path):
    path = tmp_path / 'notes.pth'
    path.write_text('no checkpoint')
    with pytest.raises(UserError, match=r'notes\.pth cannot be read'):
        read_checkpoint(path)


def test_a_file_without_weights(saved):
    with pytest.raises(UserError, match='holds no weights'):
        read_state(saved({}))
    with pytest.raises(UserError, match='holds a list, no weights'):
        read_checkpoint(saved([1], nest=False))


class Payload:
    """Stands for code that a foreign checkpoint would run."""


def test_a_checkpoint_with_code_is_refused(saved):
    with pytest.raises(UserError, match=r'is refused: beside weights it names code \(.*Payload\)'):
        read_checkpoint(saved(Payload(), nest=False))
