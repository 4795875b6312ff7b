"""How a network works while it labels its own batch, and that nothing of that stays."""

import pytest
import torch
from torch import nn

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import MixStyle, TransNorm2d, inference_pass
from mmuda.models.layers.inference_pass import single_values_by_running


def network():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Sequential(nn.BatchNorm2d(4)))
    net[1].running_mean.fill_(1.0)
    net[3].eval()  # frozen, as by norm_eval
    return net


def state(net):
    modes = [(module.training, getattr(module, 'track_running_stats', None)) for module in net.modules()]
    return modes, {name: value.clone() for name, value in net.state_dict().items()}


@pytest.mark.parametrize('norm', ['train', 'batch', 'running'])
@pytest.mark.parametrize('noise', [False, True])
def test_norms_and_noise_have_a_rule_each(norm, noise):
    net, x = network(), torch.randn(8, 3, 6, 6)
    modes, before = state(net)
    features = net[0](x)
    expected = nn.functional.batch_norm(
        features, net[1].running_mean.clone(), net[1].running_var.clone(), training=norm != 'running'
    )
    seen = {}
    for name, module in zip('ab', (net[1], net[2])):
        module.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output))
    with inference_pass(net, norm, noise=noise):
        net(x)
        assert not net[3][0].training
    torch.testing.assert_close(seen['a'], expected)
    assert ((seen['b'] == 0).float().mean() > 0.3) == noise
    after_modes, after = state(net)
    assert after_modes == modes
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert moved == ({'1.running_mean', '1.running_var', '1.num_batches_tracked'} if norm == 'train' else set())


def test_norms_of_two_domains_follow_the_same_rule():
    net = nn.Sequential(TransNorm2d(3))
    context, x = bind_domain_context(net), torch.randn(6, 3, 4, 4)
    context.set(DomainBatch(2, 4))
    plain = net(x)
    for norm in ('batch', 'running', 'train'):
        _, before = state(net)
        with inference_pass(net, norm):
            output = net(x)
        assert torch.equal(output, plain) == (norm != 'running')
        assert all(torch.equal(before[k], v) for k, v in net.state_dict().items()) == (norm != 'train')
        assert net[0].track_running_stats


@pytest.mark.parametrize('noise', [False, True])
def test_styles_are_mixed_as_noise_is(noise):
    layer, x = MixStyle(p=1.0), torch.randn(4, 3, 5, 5)
    with inference_pass(layer, 'train', noise=noise):
        assert torch.equal(layer(x), x) != noise
    assert not torch.equal(layer(x), x)


def test_an_error_in_the_pass_leaves_nothing_behind():
    net = network()
    modes, _ = state(net)
    with pytest.raises(RuntimeError), inference_pass(net, 'batch'):
        net(torch.randn(1, 7, 2, 2))
    assert state(net)[0] == modes


def pooled(norm):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), norm)


@pytest.mark.parametrize('norm', [nn.BatchNorm2d, nn.SyncBatchNorm])
def test_one_value_is_normalised_by_running_statistics(norm):
    net = pooled(norm(3))
    net[1].running_mean.fill_(0.5)
    x = torch.randn(1, 3, 4, 4)
    handles = single_values_by_running(net)
    torch.testing.assert_close(net(x), (x.mean((2, 3), keepdim=True) - 0.5) / (1 + net[1].eps) ** 0.5)
    assert net[1].training
    assert not net[1]._forward_hooks
    assert (net[1].running_mean == 0.5).all()
    if norm is nn.BatchNorm2d:
        net(torch.randn(2, 3, 4, 4))  # two values have a variance
        assert (net[1].running_mean != 0.5).all()
    for handle in handles:
        handle.remove()
    with pytest.raises(ValueError, match='more than 1 value'):
        net(x)
