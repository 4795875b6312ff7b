"""Inception-BN against its table, typed again: parameters, shapes, and the outputs of the network in Caffe's names."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DefaultScope

pytest.importorskip('mmcv')

from mmuda.domain import bind_domain_context
from mmuda.models.backbones import InceptionBN
from mmuda.models.backbones.key_mapping import inception_bn_from_caffe
from mmuda.models.layers import TransNorm2d, TwoDomainNorm
from mmuda.registry import MODELS

# module: input, 1×1, 3×3 reduce, 3×3, double 3×3 reduce, double 3×3, pool, projection, output
TABLE = {
    '3a': (192, 64, 64, 64, 64, 96, 'avg', 32, 256),
    '3b': (256, 64, 64, 96, 64, 96, 'avg', 64, 320),
    '3c': (320, 0, 128, 160, 64, 96, 'max', 0, 576),
    '4a': (576, 224, 64, 96, 96, 128, 'avg', 128, 576),
    '4b': (576, 192, 96, 128, 96, 128, 'avg', 128, 576),
    '4c': (576, 160, 128, 160, 128, 160, 'avg', 128, 608),
    '4d': (608, 96, 128, 192, 160, 192, 'avg', 128, 608),
    '4e': (608, 0, 128, 192, 192, 256, 'max', 0, 1056),
    '5a': (1056, 352, 192, 320, 160, 224, 'avg', 128, 1024),
    '5b': (1024, 352, 192, 320, 192, 224, 'max', 128, 1024),
}
PUBLISHED = 11_295_240  # parameters of the network with ImageNet weights, classifier and biases before norms included


def convolutions():
    """Caffe's name, inputs, outputs, kernel."""
    yield from (('conv1_7x7_s2', 3, 64, 7), ('conv2_3x3_reduce', 64, 64, 1), ('conv2_3x3', 64, 192, 3))
    for row, (inputs, single, reduce3, conv3, reduce_double, double, _, projection, _) in TABLE.items():
        name = f'inception_{row}_'
        if single:
            yield f'{name}1x1', inputs, single, 1
        yield f'{name}3x3_reduce', inputs, reduce3, 1
        yield f'{name}3x3', reduce3, conv3, 3
        yield f'{name}double_3x3_reduce', inputs, reduce_double, 1
        yield f'{name}double_3x3_1', reduce_double, double, 3
        yield f'{name}double_3x3_2', double, double, 3
        if projection:
            yield f'{name}pool_proj', inputs, projection, 1


class CaffeNet:
    """Random weights in Caffe's names, and the network's features from them."""

    def __init__(self):
        self.state = {'last_linear.weight': torch.zeros(10, 1024), 'last_linear.bias': torch.zeros(10)}
        for name, inputs, outputs, kernel in convolutions():
            self.state |= {
                f'{name}.weight': (2 / (inputs * kernel**2)) ** 0.5 * torch.randn(outputs, inputs, kernel, kernel),
                f'{name}.bias': torch.randn(outputs),
                f'{name}_bn.weight': torch.rand(outputs) + 0.5,
                f'{name}_bn.bias': torch.randn(outputs) / 5,
                f'{name}_bn.running_mean': torch.randn(outputs) / 5,
                f'{name}_bn.running_var': torch.rand(outputs) + 0.5,
                f'{name}_bn.num_batches_tracked': torch.tensor(1),
            }

    def features(self, x):
        """The last module's output, of sides that are multiples of 32."""
        x = F.max_pool2d(self._conv('conv1_7x7_s2', x, 2), 3, 2, ceil_mode=True)
        x = self._conv('conv2_3x3', self._conv('conv2_3x3_reduce', x))
        x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        for row in TABLE:
            x = self._module(f'inception_{row}_', x, *TABLE[row])
        return x

    def _module(self, name, x, inputs, single, _, __, ___, ____, pool, projection, outputs):
        stride = 1 if projection else 2
        y = self._conv(f'{name}3x3', self._conv(f'{name}3x3_reduce', x), stride)
        z = self._conv(f'{name}double_3x3_1', self._conv(f'{name}double_3x3_reduce', x))
        parts = [y, self._conv(f'{name}double_3x3_2', z, stride)]
        if single:
            parts.insert(0, self._conv(f'{name}1x1', x))
        if not projection:
            parts.append(F.max_pool2d(x, 3, 2, ceil_mode=True))
        elif pool == 'max':
            parts.append(self._conv(f'{name}pool_proj', F.max_pool2d(x, 3, 1, 1)))
        else:
            parts.append(self._conv(f'{name}pool_proj', F.avg_pool2d(x, 3, 1, 1)))
        x = torch.cat(parts, 1)
        assert x.shape[1] == outputs
        return x

    def _conv(self, name, x, stride=1):
        p = self.state
        weight = p[f'{name}.weight']
        x = F.conv2d(x, weight, p[f'{name}.bias'], stride, weight.shape[-1] // 2)
        statistics = (p[f'{name}_bn.{part}'] for part in ('running_mean', 'running_var', 'weight', 'bias'))
        return F.batch_norm(x, *statistics).relu()


def test_parameters_counted_by_hand():
    weights = sum(kernel**2 * inputs * outputs for _, inputs, outputs, kernel in convolutions())
    channels = sum(outputs for _, _, outputs, _ in convolutions())
    count = sum(p.numel() for p in InceptionBN().parameters())
    assert (weights, channels) == (10_240_192, 10_016)
    assert count == weights + 2 * channels == 10_260_224
    assert count + channels + 1024 * 1000 + 1000 == PUBLISHED


@pytest.mark.parametrize('size', [(64, 96), (61, 35)])
def test_stages(size):
    """Any size will do: a side is divided by four and then halved, always upwards."""
    outs = InceptionBN(out_indices=(0, 1, 2, 3), norm_cfg=None).to('meta')(torch.empty(2, 3, *size, device='meta'))
    sides = [[-(-side // 2**power) for side in size] for power in (2, 3, 4, 5)]
    assert [list(out.shape[1:]) for out in outs] == [
        [channels, *side] for channels, side in zip((192, 320, 608, 1024), sides)
    ]
    (last,) = InceptionBN(in_channels=1).to('meta')(torch.empty(2, 1, 32, 32, device='meta'))
    assert last.shape == (2, 1024, 1, 1)


def test_converted_weights_give_the_features_of_the_table():
    reference, net = CaffeNet(), InceptionBN().eval()
    net.load_state_dict(inception_bn_from_caffe(reference.state), strict=True)
    x = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        expected = reference.features(x)
        torch.testing.assert_close(net(x)[0], expected, atol=1e-4 * expected.max().item(), rtol=1e-4)


def test_the_conversion_refuses_what_it_does_not_know():
    state = CaffeNet().state
    with pytest.raises(KeyError, match=r"'conv3\.weight' is no part of bn_inception with Caffe's layer names"):
        inception_bn_from_caffe(state | {'conv3.weight': torch.zeros(1)})
    del state['inception_4b_3x3_bn.running_mean']
    with pytest.raises(KeyError, match=r"'inception_4b_3x3_bn\.running_mean' of .* is missing \(1 tensors"):
        inception_bn_from_caffe(state)


def test_trans_norm_stands_in_every_place():
    net = InceptionBN(norm_cfg=dict(type='mmuda.TransNorm2d'))
    norms = [type(module) for module in net.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == len(list(convolutions())) == 69
    assert set(norms) == {TransNorm2d}


def test_the_leaf_takes_a_training_step(repo, class_batch):
    """DANN + TransNorm, with smaller images: all that learns has a gradient, all norms saw both domains."""
    cfg = Config.fromfile(repo / 'configs' / 'transnorm' / 'dann_inception-bn_office31.py').model
    cfg.student.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg).train()
    model.set_length(1000)
    losses = model(**model.data_preprocessor(class_batch('sstt', size=64), training=True), mode='loss')
    (losses['loss_source'] + losses['loss_dann']).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    norms = [module for module in model.modules() if isinstance(module, TwoDomainNorm)]
    assert len(norms) == 70
    assert all(norm.num_batches_tracked == 1 for norm in norms)
    assert not any(norm.running_mean_source.equal(norm.running_mean_target) for norm in norms)


def test_a_deep_copy_is_a_network_of_its_own():
    net = InceptionBN(norm_cfg=dict(type='mmuda.TransNorm2d'))
    context = bind_domain_context(net)
    twin = copy.deepcopy(net)
    assert bind_domain_context(twin) is not context
    before = twin.state_dict()
    x = torch.randn(4, 3, 32, 32)
    torch.testing.assert_close(twin.eval()(x), net.eval()(x))
    with torch.no_grad():
        net.stages[0].conv1.conv.weight.zero_()
    assert before['stages.0.conv1.conv.weight'].abs().sum() > 0


@pytest.mark.parametrize('frozen', [-1, 1])
def test_frozen_stages_stay_as_they_are(frozen):
    net = InceptionBN(frozen_stages=frozen).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    net(torch.randn(2, 3, 64, 64))[0].mean().backward()
    moved = {name.split('.')[1] for name, value in net.state_dict().items() if not value.equal(before[name])}
    assert moved == {str(stage) for stage in range(4) if stage > frozen}
    learning = {name.split('.')[1] for name, p in net.named_parameters() if p.grad is not None}
    assert learning == moved
    assert {name.split('.')[1] for name, module in net.named_modules() if module.training and '.' in name} == moved


def test_stages_that_there_are():
    with pytest.raises(ValueError, match=r'out_indices=\(4,\) of InceptionBN: give stages from 0 to 3'):
        InceptionBN(out_indices=(4,))
    with pytest.raises(ValueError, match=r'frozen_stages=4 of InceptionBN: give a stage up to 3, or -1'):
        InceptionBN(frozen_stages=4)
