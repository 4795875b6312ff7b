"""Norms are exchanged with their statistics and parameters, and folded without a change of outputs."""

import copy

import pytest
import torch
from torch import nn

from mmuda import compat
from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import (
    TransNorm2d,
    TwoDomainNorm,
    convert_norm,
    evaluated_as,
    fuse,
    fuse_norms,
    set_eval_domain,
)

compat.apply()

FAMILIES = ['TransNorm', 'DomainSpecificBatchNorm', 'AdaBN', 'AutoDIAL']


def network() -> nn.Module:
    """Convolutions with and without bias, all ranks, a norm without a layer before it, random statistics."""
    net = nn.Sequential(
        nn.BatchNorm2d(3),
        nn.Conv2d(3, 6, 3, groups=3),
        nn.BatchNorm2d(6, eps=1e-3),
        nn.ReLU(),
        nn.Sequential(nn.Conv2d(6, 4, 1, bias=False), nn.BatchNorm2d(4, affine=False)),
        nn.Unflatten(1, (4, 1)),
        nn.Conv3d(4, 4, 1),
        nn.BatchNorm3d(4),
        nn.Flatten(),
        nn.Linear(64, 5),
        nn.BatchNorm1d(5),
    )
    for norm in norms(net):
        for values in (*norm.parameters(), norm.running_mean, norm.running_var):
            nn.init.uniform_(values, 0.5, 1.5)
        norm.num_batches_tracked.fill_(3)
    return net


def norms(net):
    return [module for module in net.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


def images(rows=6):
    return torch.randn(rows, 3, 6, 6)


@pytest.mark.parametrize('family', FAMILIES)
def test_there_and_back_changes_nothing(family):
    net = network()
    twin = convert_norm(copy.deepcopy(net), family)
    assert len(norms(twin)) == 5
    assert all(isinstance(norm, TwoDomainNorm) and type(norm).__name__.startswith(family) for norm in norms(twin))
    assert [norm.eps for norm in norms(twin)] == [norm.eps for norm in norms(net)]
    back = convert_norm(twin, 'BN')
    assert [type(norm) for norm in norms(back)] == [type(norm) for norm in norms(net)]
    torch.testing.assert_close(back.state_dict(), net.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize('family', FAMILIES)
def test_outputs_in_evaluation_are_kept_but_for_the_factor_of_alpha(family):
    net, x = nn.Sequential(nn.BatchNorm2d(3)), images()
    net(2 * x + 1)
    wanted = net.eval()(x)
    factor = 2 if family == 'TransNorm' else 1
    torch.testing.assert_close(convert_norm(net, family)(x), factor * wanted)


def test_from_one_family_to_another_both_domains_are_kept():
    net = convert_norm(network(), 'TransNorm')
    context = bind_domain_context(net)
    context.set(DomainBatch(2, 4))
    net(images())
    twin = convert_norm(copy.deepcopy(net), 'DomainSpecificBatchNorm')
    for old, new in zip(norms(net), norms(twin)):
        for domain in ('source', 'target'):
            torch.testing.assert_close(new.running_moments(domain), old.running_moments(domain), rtol=0, atol=0)
    twin(images())
    back = convert_norm(convert_norm(net, 'AdaBN'), 'BN')
    assert not any(isinstance(norm, TwoDomainNorm) for norm in norms(back))


def test_options_frozen_norms_mode_and_precision():
    net = network().double().eval()
    net[0].requires_grad_(False)
    convert_norm(net, 'TransNorm', residual='alpha')
    assert all(norm.residual == 'alpha' and not norm.training for norm in norms(net))
    assert not net[0].weight.requires_grad
    assert net[2].weight.requires_grad
    assert net[2].running_mean_source.dtype == torch.float64


def test_options_of_a_family_that_is_there_already():
    """They count, and what was learned stays."""
    net = convert_norm(network(), 'DomainSpecificBatchNorm', eval_domain='source')
    nn.init.uniform_(net[0].weight)
    state = copy.deepcopy(net.state_dict())
    assert convert_norm(net, 'DomainSpecificBatchNorm')[0] is net[0]
    convert_norm(net, 'DomainSpecificBatchNorm', eval_domain='target')
    assert {norm.eval_domain for norm in norms(net)} == {'target'}
    torch.testing.assert_close(net.state_dict(), state, rtol=0, atol=0)


def test_the_domain_of_evaluation_stays():
    net = convert_norm(network(), 'TransNorm', eval_domain='source')
    assert {norm.eval_domain for norm in norms(convert_norm(net, 'AdaBN'))} == {'source'}
    assert {norm.eval_domain for norm in norms(convert_norm(net, 'AutoDIAL', eval_domain='target'))} == {'target'}
    with pytest.raises(ValueError, match="eval_domain='both' is no domain: choose one of"):
        set_eval_domain(net, 'both')


def test_another_domain_for_a_while():
    net = convert_norm(network(), 'TransNorm')
    norms(net)[0].eval_domain = 'source'
    before = [norm.eval_domain for norm in norms(net)]
    for domain in ('source', 'target'):
        with evaluated_as(net, domain):
            assert {norm.eval_domain for norm in norms(net)} == {domain}
        assert [norm.eval_domain for norm in norms(net)] == before


def test_a_norm_alone_and_unknown_names():
    assert isinstance(convert_norm(nn.BatchNorm2d(3), 'TransNorm'), TransNorm2d)
    norm = TransNorm2d(3)
    assert convert_norm(norm, 'TransNorm') is norm
    with pytest.raises(ValueError, match=r"type='GN' is no family of norms: choose one of \['BN', 'TransNorm'"):
        convert_norm(nn.BatchNorm2d(3), 'GN')
    with pytest.raises(TypeError, match=r'SyncBatchNorm, which has no counterpart.*revert_sync_batchnorm'):
        convert_norm(nn.SyncBatchNorm(3), 'TransNorm')


@pytest.mark.parametrize('family', FAMILIES)
@pytest.mark.parametrize('domain', ['source', 'target'])
def test_folding_keeps_the_outputs_of_evaluation(family, domain):
    net = convert_norm(network(), family)
    bind_domain_context(net).set(DomainBatch(2, 4))
    net(images())
    set_eval_domain(net.eval(), domain)
    x = images(2)
    wanted = net(x)
    fused = fuse_norms(net)
    torch.testing.assert_close(fused(x), wanted, atol=1e-5, rtol=1e-4)
    left = norms(fused)
    assert [type(norm) for norm in left] == [nn.BatchNorm2d]  # the first one has nothing before it
    assert not any(isinstance(norm, TwoDomainNorm) for norm in left)


@pytest.mark.parametrize('layer', [nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3, bias=False)])
def test_one_convolution_and_a_plain_norm(layer):
    norm = nn.BatchNorm2d(4)
    norm(torch.randn(4, 4, 5, 5))
    x = images()
    wanted = norm.eval()(layer(x))
    torch.testing.assert_close(fuse(layer, norm)(x), wanted, atol=1e-5, rtol=1e-4)


def test_without_running_statistics_nothing_can_be_folded():
    with pytest.raises(ValueError, match=r'TransNorm2d has no running statistics.*track_running_stats=True'):
        fuse(nn.Conv2d(3, 4, 3), TransNorm2d(4, track_running_stats=False))


def test_a_stock_backbone():
    """mmseg's ResNet: registered in the order in which it runs."""
    pytest.importorskip('mmseg')
    from mmseg.models.backbones import ResNetV1c

    for depth in (18, 50):
        torch.manual_seed(0)
        net = ResNetV1c(depth=depth, stem_channels=8, base_channels=8, norm_cfg=dict(type='mmuda.TransNorm2d'))
        bind_domain_context(net).set(DomainBatch(2, 2))
        x = torch.randn(4, 3, 64, 64)
        net(x)
        net.eval()
        wanted = net(x)
        outputs = fuse_norms(net)(x)
        for ours, other in zip(outputs, wanted):
            torch.testing.assert_close(ours, other, atol=1e-3 * other.abs().max().item(), rtol=1e-3)
        assert not norms(net)


RELU6 = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU6(), nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4))


def test_what_relu6_would_cut_off_is_said_by_conversion_and_binding():
    with pytest.warns(UserWarning, match=r"TransNorm2d .* before a ReLU6.* set residual='alpha'") as told:
        net = convert_norm(copy.deepcopy(RELU6), 'TransNorm')
    assert len(told) == 1  # the second norm is the last layer
    with pytest.warns(UserWarning, match='ReLU6'):
        bind_domain_context(net)


@pytest.mark.parametrize('family, options', [('TransNorm', dict(residual='alpha')), ('AdaBN', {}), ('BN', {})])
def test_what_doubles_nothing_may_stand_before_a_relu6(family, options, recwarn):
    bind_domain_context(convert_norm(copy.deepcopy(RELU6), family, **options))
    bind_domain_context(nn.Sequential(TransNorm2d(4), nn.ReLU()))
    assert not recwarn.list


@pytest.mark.parametrize('host', ['mmseg', 'mmpretrain'])
def test_the_hosts_mobilenets_are_warned_of(host):
    """Their norms stand before a ReLU6 whatever wraps the two."""
    backbones = pytest.importorskip(f'{host}.models.backbones')
    net = backbones.MobileNetV2(widen_factor=0.1, norm_cfg=dict(type='mmuda.TransNorm2d'))
    with pytest.warns(UserWarning, match='ReLU6'):
        bind_domain_context(net)


class ActivatingNorm(nn.BatchNorm2d):
    """As timm's BatchNormAct2d."""

    def __init__(self, channels, drop=None, act=None):
        super().__init__(channels)
        self.act, self.drop = act or nn.Identity(), drop or nn.Identity()

    def forward(self, x):
        return self.act(self.drop(super().forward(x)))


def test_a_norm_that_activates_keeps_its_activation():
    """Outputs and states of a network with such norms are those of before; the ReLU6 is seen."""
    old = nn.Sequential(ActivatingNorm(4, act=nn.ReLU6()), ActivatingNorm(4)).eval()
    old[0].running_mean.uniform_()
    with pytest.warns(UserWarning, match='ReLU6'):
        convert_norm(copy.deepcopy(old), 'TransNorm')
    net = convert_norm(copy.deepcopy(old), 'TransNorm', residual='none')
    assert [type(norm).__name__ for norm in net.modules()][1:] == ['NormAct', 'TransNorm2d', 'ReLU6', 'TransNorm2d']
    x = 9 * torch.randn(3, 4, 5, 5)
    torch.testing.assert_close(net(x), old(x))
    old[0].running_mean.uniform_()
    net.load_state_dict(old.state_dict())
    torch.testing.assert_close(net(x), old(x))
    net.load_state_dict(net.state_dict())
    assert type(convert_norm(net, 'BN')[0].norm) is nn.BatchNorm2d


def test_a_norm_with_other_parts_is_not_exchanged():
    norm = ActivatingNorm(4)
    norm.gate = nn.Linear(4, 4)
    with pytest.raises(TypeError, match=r'ActivatingNorm that holds .*Linear, which an exchange would lose'):
        convert_norm(nn.Sequential(norm), 'TransNorm')
