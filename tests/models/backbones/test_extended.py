"""Branches beside and layers after the parts of a stock backbone."""

import copy

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmuda.models.backbones import MCDSVHNNet, extend_backbone
from mmuda.models.layers import DIDABranch, MixStyle
from mmuda.models.necks import DIDANeck
from mmuda.registry import MODELS

RESNET = dict(type='ResNet', depth=18, base_channels=16, stem_channels=16)
STAGES = {  # beside res1 to res4: channels of input and output, stride
    'layer1': (16, 16, 1),
    'layer2': (16, 32, 2),
    'layer3': (32, 64, 2),
    'layer4': (64, 128, 2),
}


def branch(stage, **options):
    channels = dict(zip(('in_channels', 'out_channels', 'stride'), STAGES[stage]))
    return dict(type='DIDABranch', num_blocks=2, **channels, **options)


class Convolution(nn.Module):
    """The smallest backbone."""

    def __init__(self, *args):
        super().__init__()
        self.conv = nn.Conv2d(*args)

    def forward(self, x):
        return (self.conv(x),)


def evaluate(net, x):
    """mmpretrain's `eval` returns nothing."""
    net.eval()
    with torch.no_grad():
        return net(x)


def build(**options):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(
            dict(type='mmuda.ExtendedBackbone', backbone=RESNET | options.pop('backbone', {}), **options)
        )


def plain(**options):
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(RESNET | options)


def test_beside_the_last_stage_is_dida_neck():
    net = build(beside=dict(layer4=branch('layer4')))
    stock, neck = plain(out_indices=(2, 3)), DIDANeck(64, 128, pool=False)
    assert not stock.load_state_dict(net.state_dict(), strict=False).missing_keys
    neck.branch.load_state_dict(net.beside['layer4'].state_dict())
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(evaluate(net, x)[0], evaluate(neck, evaluate(stock, x))[0], rtol=0, atol=0)


@pytest.mark.parametrize(
    'names', [('layer1',), ('layer2',), ('layer3',), ('layer1', 'layer4'), ('layer3', 'layer4')], ids=str
)
def test_the_positions_of_table_vii(names):
    """Stage by stage: what one stage gives, its branch included, is what the next one gets."""
    net = build(beside={name: branch(name) for name in names}, backbone=dict(out_indices=(0, 1, 2, 3)))
    stock = plain()
    stock.load_state_dict({k: v for k, v in net.state_dict().items() if not k.startswith('beside')})
    stock.eval()
    x = torch.randn(2, 3, 64, 64)
    y = stock.maxpool(stock.relu(stock.norm1(stock.conv1(x))))
    for name, out in zip(STAGES, evaluate(net, x)):
        residual = net.beside[name](y) if name in names else 0
        y = getattr(stock, name)(y) + residual
        torch.testing.assert_close(out, y)
    net.train()
    net(x)[-1].square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_a_stock_checkpoint_loads_and_names_say_what_is_new():
    net, stock = build(beside=dict(layer4=branch('layer4')), after=dict(layer1=dict(type='MixStyle'))), plain()
    result = net.load_state_dict(stock.state_dict(), strict=False)
    assert not result.unexpected_keys
    assert result.missing_keys
    assert all(key.startswith('beside.layer4.') for key in result.missing_keys)
    assert type(net) is type(stock)


def test_first_weights(tmp_path):
    """A pre-trained backbone keeps its weights, and a branch those that its module says."""
    stock = plain()
    torch.save(stock.state_dict(), tmp_path / 'stock.pth')
    net = build(
        backbone=dict(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'stock.pth'))),
        beside=dict(layer4=branch('layer4', module=dict(init='torch'))),
    )
    net.init_weights()
    torch.testing.assert_close(net.layer4[0].conv1.weight, stock.layer4[0].conv1.weight)
    fresh = build(beside=dict(layer4=branch('layer4', module=dict(init='torch', unit_scale=True))))
    fresh.init_weights()
    for module in (net.beside['layer4'].blocks[0][0], fresh.beside['layer4'].blocks[0][0]):
        assert module.reduce.weight.abs().max() <= 64**-0.5
    assert fresh.beside['layer4'].blocks[0][0].generators[0].rescale.weight.item() == 1


def test_a_layer_after_the_first_stage_sees_its_output():
    net, x = (
        build(after=dict(layer1=dict(type='MixStyle', p=1.0)), backbone=dict(out_indices=(0,))),
        torch.randn(4, 3, 64, 64),
    )
    stock = plain(out_indices=(0,))
    stock.load_state_dict(net.state_dict())
    torch.testing.assert_close(evaluate(net, x), evaluate(stock, x))
    assert isinstance(net.after['layer1'], MixStyle)
    net.train()
    stock.train()
    mixed, wanted = net(x)[0], stock(x)[0]
    assert not torch.allclose(mixed, wanted)
    normalized = [(t - t.mean((2, 3), keepdim=True)) / t.std((2, 3), keepdim=True) for t in (mixed, wanted)]
    torch.testing.assert_close(*normalized, rtol=1e-2, atol=1e-2)


def test_beside_and_after_one_module():
    net = extend_backbone(
        Convolution(4, 4, 1), beside=dict(conv=nn.Conv2d(4, 4, 3, padding=1)), after=dict(conv=nn.Tanh())
    )
    x = torch.randn(2, 4, 5, 5)
    plain = nn.functional.conv2d(x, net.conv.weight, net.conv.bias)
    torch.testing.assert_close(net(x)[0], (plain + net.beside['conv'](x)).tanh())


def test_a_digit_network_adapts_beside_its_last_convolution():
    net = extend_backbone(MCDSVHNNet(), beside={'stages.2': DIDABranch(64, 128)})
    x = torch.randn(2, 3, 32, 32)
    before = net.stages[:2](x)
    after = net.stages[2](before)
    net.eval()
    assert set(dict(net.beside.named_children())) == {'stages_2'}
    torch.testing.assert_close(net(x)[0], net.linear(net.stages(x).flatten(1)))
    assert after.shape == (2, 128, 8, 8)


def test_a_copy_has_branches_of_its_own():
    net = build(beside=dict(layer4=branch('layer4')))
    other = copy.deepcopy(net)
    x = torch.randn(2, 3, 64, 64)
    before = evaluate(net, x)[0]
    torch.testing.assert_close(evaluate(other, x)[0], before, rtol=0, atol=0)
    with torch.no_grad():
        for parameter in other.beside.parameters():
            parameter.add_(1)
    torch.testing.assert_close(evaluate(net, x)[0], before, rtol=0, atol=0)
    assert not torch.allclose(evaluate(other, x)[0], before)


def test_it_compiles_in_one_graph():
    torch._dynamo.reset()
    net = extend_backbone(
        Convolution(8, 16, 3, 2, 1), beside=dict(conv=DIDABranch(8, 16, 1, 2, module=dict(reduction=4)))
    )
    x, results = torch.randn(3, 8, 6, 6), []
    for run in (net, torch.compile(net, backend='aot_eager', fullgraph=True)):
        net.zero_grad()
        (out,) = run(x)
        out.square().sum().backward()
        results.append([out, *(parameter.grad.clone() for parameter in net.parameters())])
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-4)


def test_none_drops_an_addition_of_a_base_config():
    net = build(beside=dict(layer4=None), after=dict(layer1=None))
    assert net.state_dict().keys() == plain().state_dict().keys()


def test_what_does_not_fit():
    with pytest.raises(KeyError, match=r"ResNet has no module 'layer5' to extend: its parts are \['conv1'.*'layer4'\]"):
        build(beside=dict(layer5=branch('layer4')))
    net = build(beside=dict(layer3=branch('layer4')))
    with pytest.raises(ValueError, match='DIDAModule has in_channels=64, but its input has 32'):
        net(torch.randn(2, 3, 64, 64))

    net = MCDSVHNNet()
    net.stages = Convolution(3, 4, 1)
    extend_backbone(net, after=dict(stages=nn.ReLU()))
    with pytest.raises(TypeError, match="The module 'stages' gives a tuple, not a feature map"):
        net(torch.zeros(2, 3, 32, 32))
    with pytest.raises(TypeError, match='The backbone is a Sequential, which runs all its children in turn'):
        extend_backbone(nn.Sequential(nn.Conv2d(4, 4, 1)), after={'0': nn.ReLU()})


def test_another_norm_takes_the_weights_along():
    stock = plain()
    net = build(norm=dict(type='TransNorm', residual='none'))
    assert {type(module).__name__ for module in net.modules() if 'Norm' in type(module).__name__} == {'TransNorm2d'}
    net.load_state_dict(stock.state_dict(), strict=False)
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(evaluate(net, x)[0], evaluate(stock, x)[0])


def test_frozen_modules_have_no_gradient():
    net = build(frozen=('conv1', 'layer1'), beside=dict(layer1=branch('layer1')))
    net(torch.randn(2, 3, 64, 64))[0].sum().backward()
    without = {name.split('.')[0] for name, value in net.named_parameters() if value.grad is None}
    assert without == {'conv1', 'layer1'}
    with pytest.raises(KeyError, match=r"no module 'layer9' to extend"):
        build(frozen=('layer9',))
