"""Every base model builds from its one key, has the size its paper says, and runs."""

import functools
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmuda import compat
from mmuda.registry import MODELS

pytest.importorskip('mmseg')
compat.apply()

FOLDER = Path(__file__).parents[2] / 'configs' / '_base_' / 'models'
FILES = sorted(path.stem for path in FOLDER.glob('*.py'))
CLASSIFIERS = {  # side, channels and classes of the input and output, millions of parameters
    'lenet_digits': (28, 1, 10, 0.432),
    'dtn_digits': (32, 3, 10, 3.134),
    'mobilenet-v2_bottleneck': (64, 3, 31, 2.560),
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
    'static_resnet18': (64, 3, 7, 11.216),
    'static_resnet50': (64, 3, 65, 27.478),
    'static_resnet101': (64, 3, 345, 47.044),
    'cnn2_digits': (28, 1, 10, 0.128),
    'cnn3_digits': (32, 3, 10, 31.806),
    'dida_cnn2_digits': (28, 1, 10, 0.128),
    'dida_cnn3_digits': (32, 3, 10, 31.807),
    'dida-mixstyle_cnn2_digits': (28, 1, 10, 0.128),
    'dida-mixstyle_cnn3_digits': (32, 3, 10, 31.807),
    'static_cnn2_digits': (28, 1, 10, 0.128),
    'static_cnn3_digits': (32, 3, 10, 31.807),
    'wrn-28-2_cifar10': (32, 3, 10, 1.468),
    'dida_wrn-28-2_cifar10': (32, 3, 10, 1.474),
    'static_wrn-28-2_cifar10': (32, 3, 10, 1.474),
}
SEGMENTORS = [name for name in FILES if name not in CLASSIFIERS]
MIT_MILLIONS = {'b0': 3.319, 'b1': 13.151, 'b2': 24.196, 'b3': 44.072, 'b4': 60.843, 'b5': 81.443}


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


@functools.cache
def build(name):
    """The network, moved to where a forward pass computes nothing but shapes."""
    net = MODELS.build(load(name).model).to('meta')
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
    net = build(name)
    with torch.no_grad():
        image = torch.empty(2, 3, 96, 160, device='meta')
        logits = net.encode_decode(image, [dict(img_shape=(96, 160))])
    assert logits.shape == (2, 19, 96, 160)


@pytest.mark.parametrize('family', ['segformer', 'daformer'])
@pytest.mark.parametrize('size', MIT_MILLIONS)
def test_mit_sizes(family, size):
    backbone = build(f'{family}_mit-{size}').backbone
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
    size, channels, classes, millions = CLASSIFIERS[name]
    net = build(name)
    with torch.no_grad():
        assert net(torch.empty(2, channels, size, size, device='meta')).shape == (2, classes)
    assert round(sum(p.numel() for p in net.parameters()) / 1e6, 3) == millions
