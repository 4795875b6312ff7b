"""Every base model builds from its one key, has the size its paper says, and runs."""

import functools
import warnings
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda import compat
from mmuda.apis import load_config
from mmuda.domain import bind_domain_context
from mmuda.registry import MODELS

pytest.importorskip('mmseg')
compat.apply()

FOLDER = Path(__file__).parents[2] / 'configs' / '_base_' / 'models'
FILES = sorted(path.stem for path in FOLDER.glob('*.py') if path.stem != 'mit')
CLASSIFIERS = {  # side, channels and classes of the input and output, millions of parameters
    'lenet_digits': (28, 1, 10, 0.432),
    'dtn_digits': (32, 3, 10, 3.134),
    'mobilenet-v2_bottleneck': (64, 3, 31, 2.560),
    'efficientnet-lite0_bottleneck': (64, 3, 31, 3.707),
    'dida_mobilenet-v2_bottleneck': (64, 3, 31, 2.583),
    'resnet50_bottleneck': (64, 3, 31, 24.041),
    'resnet101_bottleneck': (64, 3, 31, 43.033),
    'inception-bn_bottleneck': (64, 3, 31, 10.531),
    'resnet50_mdd': (64, 3, 31, 26.690),
    'resnet18': (64, 3, 7, 11.180),
    'resnet50': (64, 3, 65, 23.641),
    'resnet101': (64, 3, 345, 43.207),
    'dida_resnet18': (64, 3, 7, 11.216),
    'dida_resnet50': (64, 3, 65, 27.475),
    'dida_resnet101': (64, 3, 345, 47.041),
    'dida-mixstyle_resnet50': (64, 3, 65, 27.475),
    'dida-every-stage_resnet18': (64, 3, 7, 11.229),
    'cnn2_digits': (28, 1, 10, 0.128),
    'cnn3_digits': (32, 3, 10, 31.806),
    'dida_cnn2_digits': (28, 1, 10, 0.128),
    'dida_cnn3_digits': (32, 3, 10, 31.807),
    'dida-mixstyle_cnn2_digits': (28, 1, 10, 0.128),
    'dida-mixstyle_cnn3_digits': (32, 3, 10, 31.807),
    'wrn-28-2_cifar10': (32, 3, 10, 1.468),
    'dida_wrn-28-2_cifar10': (32, 3, 10, 1.474),
}
STATIC = {'dida_resnet18': 11.216, 'dida_resnet50': 27.478, 'dida_cnn2_digits': 0.128, 'dida_wrn-28-2_cifar10': 1.474}
SEGMENTORS = [name for name in FILES if name not in CLASSIFIERS]
MIT_MILLIONS = {'b0': 3.319, 'b1': 13.151, 'b2': 24.196, 'b3': 44.072, 'b4': 60.843, 'b5': 81.443}


def load(name, **variables):
    return load_config(FOLDER / f'{name}.py', variables)


@functools.cache
def build(name, **variables):
    """The network, moved to where a forward pass computes nothing but shapes."""
    net = MODELS.build(load(name, **variables).model).to('meta')
    net.eval()  # mmseg's MobileNetV2 returns None from eval()
    return net


@pytest.mark.parametrize('name', SEGMENTORS)
def test_one_key_no_download_plain_batch_norm(name):
    cfg = load(name)
    assert set(cfg) == {'model'}
    assert cfg.model._scope_ == 'mmseg'
    assert cfg.model.pretrained is None
    assert 'init_cfg' not in cfg.model.backbone
    assert 'SyncBN' not in cfg.pretty_text


@pytest.mark.parametrize('name', SEGMENTORS)
def test_builds_and_predicts_at_image_size(name):
    if 'efficientnet' in name:
        pytest.importorskip('timm')
    net = build(name)
    with torch.no_grad():
        image = torch.empty(2, 3, 96, 160, device='meta')
        logits = net.encode_decode(image, [dict(img_shape=(96, 160))])
    assert logits.shape == (2, 19, 96, 160)


@pytest.mark.parametrize('name', ['segformer_mit-b0', 'daformer_mit-b5'])
@pytest.mark.parametrize('size', MIT_MILLIONS)
def test_mit_sizes_are_one_variable(name, size):
    """In the backbone and in the channels that the head is given."""
    net = build(name, mit=size)
    assert net.decode_head.in_channels == [net.backbone.embed_dims * heads for heads in (1, 2, 5, 8)]
    backbone = net.backbone
    millions = sum(p.numel() for p in backbone.parameters()) / 1e6
    assert round(millions, 3) == MIT_MILLIONS[size]


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_a_classifier_has_one_key_and_no_download(name):
    cfg = load(name)
    assert set(cfg) == {'model'}
    assert cfg.model._scope_ == 'mmpretrain'
    assert 'init_cfg' not in cfg.model.backbone
    assert 'SyncBN' not in cfg.pretty_text


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_a_classifier_predicts(name):
    pytest.importorskip('torchvision')
    if 'efficientnet' in name:
        pytest.importorskip('timm')
    size, channels, classes, millions = CLASSIFIERS[name]
    net = build(name)
    with torch.no_grad():
        assert net(torch.empty(2, channels, size, size, device='meta')).shape == (2, classes)
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 3) == millions


def test_norms_of_timm_are_exchanged():
    """All of them, those before a ReLU6 too, which nobody warns of: they weigh by alpha."""
    pytest.importorskip('timm')
    pytest.importorskip('torchvision')
    plain, net = build('efficientnet-lite0_bottleneck'), build('efficientnet-lite0_bottleneck', norm='mmuda.TransNorm')
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    assert len(norms) == sum(isinstance(module, _BatchNorm) for module in plain.modules()) == 50
    assert {(type(norm).__name__, norm.residual, norm.eps) for norm in norms} == {
        ('TransNorm2d', 'alpha', 1e-3),
        ('TransNorm1d', 'alpha', 1e-5),
    }
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        bind_domain_context(net)


@pytest.mark.parametrize('name', STATIC)
def test_the_static_control_is_one_variable(name):
    pytest.importorskip('torchvision')
    net = build(name, module='mmuda.StaticModule')
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 3) == STATIC[name]


def test_every_mit_has_mmseg_s_file():
    """Which mmengine downloads when a training starts, and not before."""
    import mmseg

    stock = Path(mmseg.__file__).parent / '.mim' / 'configs' / 'segformer'
    if not stock.is_dir():
        pytest.skip('this mmseg has no configs')
    known = ''.join(path.read_text() for path in stock.glob('*.py'))
    cfg = Config.fromfile(FOLDER / 'mit.py')
    assert all(f'{cfg.mit_url}/{name}' in known for name in cfg.mit_files.values())
    assert cfg.mit_files.keys() == cfg.mit_num_layers.keys() == cfg.mit_embed_dims.keys() == MIT_MILLIONS.keys()
