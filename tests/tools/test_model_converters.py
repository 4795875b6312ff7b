"""The converters' command lines: one whole file or one sentence."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('mmseg')

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get('MMUDA_DATA', ROOT.parent / 'shared' / 'data'))
MOBILENET = DATA / 'weights' / 'mobilenet_v2_imagenet_from_int8.pth'
IMAGES = sorted((DATA / 'camvid_day_dusk' / 'day' / 'images' / 'train').glob('*'))[::50]

SOURCE_ONLY = """
default_scope = 'mmuda'
digits = dict(type='mmuda.Digits', data_root='ROOT', ann_file='digits.npz', channels=1,
              pipeline=[dict(type='mmpretrain.PackInputs')])
train_dataloader = dict(dataset=dict(type='mmuda.DomainDataset', source=digits))
model = dict(
    type='mmpretrain.ImageClassifier', _scope_='mmpretrain',
    data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='mmuda.LeNet', in_channels=1, norm_cfg=dict(type='BN'), fc_norm_cfg=dict(type='BN1d'),
                  init_cfg=dict(type='Pretrained', checkpoint='ROOT/in.pth')),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=500))
"""


def call(script, *args):
    return subprocess.run(
        [sys.executable, ROOT / 'tools/model_converters' / script, *args],
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def agreement(norms, forward):
    """Median correlation of each norm layer's batch means with its running means."""
    found = []

    def record(module, args):
        means = torch.stack([args[0].mean((0, 2, 3)), module.running_mean])
        found.append(torch.corrcoef(means)[0, 1])

    for norm in norms:
        norm.register_forward_pre_hook(record)
    with torch.no_grad():
        forward()
    return torch.stack(found).median().item()


@pytest.mark.skipif(not (MOBILENET.is_file() and IMAGES), reason=f'needs {MOBILENET} and CamVid')
def test_mobilenet_weights_see_natural_images(tmp_path):
    """Real images drive every layer of the converted network as its batch norms remember."""
    from mmuda import compat

    compat.apply()
    from mmseg.models.backbones import MobileNetV2

    result = call('torchvision2mmseg.py', MOBILENET, tmp_path / 'out' / 'net.pth')
    assert result.returncode == 0, result.stderr
    net = MobileNetV2()
    net.load_state_dict(torch.load(tmp_path / 'out' / 'net.pth', weights_only=True)['state_dict'])
    net.eval()
    images = [cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) for path in IMAGES]
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2) / 127.5 - 1
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert agreement(norms, lambda: net(batch)) > 0.95


def test_another_networks_file_is_refused_in_one_sentence(tmp_path):
    torch.save({'fc.weight': torch.zeros(2)}, tmp_path / 'other.pth')
    result = call('mit2mmseg.py', tmp_path / 'other.pth', tmp_path / 'out.pth')
    assert result.returncode != 0
    assert f"{tmp_path / 'other.pth'}: The key 'fc.weight' is no part" in result.stderr
    assert 'Traceback' not in result.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ['other.pth']


def test_missing_file(tmp_path):
    result = call('mit2mmseg.py', tmp_path / 'none.pth', tmp_path / 'out.pth')
    assert result.returncode != 0
    assert 'none.pth does not exist' in result.stderr


@pytest.mark.parametrize(('domains', 'said'), [('source', 'the source'), ('both', 'both domains')])
def test_norms_are_anchored_to_the_images_of_a_config(tmp_path, domains, said):
    """The config's weights, rewritten by its own images: the same function, other statistics."""
    from mmuda import compat

    compat.apply()
    from mmengine.config import Config
    from mmengine.registry import DefaultScope

    from mmuda.registry import MODELS

    images = np.random.default_rng(0).integers(0, 255, (12, 28, 28), dtype=np.uint8)
    seen = dict(source=images, target=images[:8] // 4)
    for name, values in seen.items():
        np.savez(tmp_path / f'{name}.npz', x=values, y=np.arange(len(values)) % 10)
    config = tmp_path / 'c.py'
    target = "target=dict(digits, ann_file='target.npz', labelled=False)"
    text = SOURCE_ONLY.replace("'digits.npz'", "'source.npz'").replace('source=digits', f'source=digits, {target}')
    config.write_text(text.replace('ROOT', str(tmp_path)))
    with DefaultScope.overwrite_default_scope('mmuda'):
        net = MODELS.build(Config.fromfile(config).model).backbone.eval()
    for module in net.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean.fill_(0.5)
    torch.save(dict(state_dict=net.state_dict()), tmp_path / 'in.pth')
    options = ('--domains', domains, '--samples', '8') if domains == 'both' else ()
    result = call('anchor_norms.py', config, tmp_path / 'out.pth', *options)
    assert result.returncode == 0, result.stderr
    assert f'3 norms remember {said}' in result.stdout
    x = torch.randn(4, 1, 28, 28)
    before = net(x)[0]
    net.load_state_dict(torch.load(tmp_path / 'out.pth', weights_only=True)['state_dict'])
    torch.testing.assert_close(net(x)[0], before, atol=1e-4, rtol=1e-4)
    brightness = {name: (torch.from_numpy(values).float() / 127.5 - 1).mean() for name, values in seen.items()}
    wanted = brightness['source'] if domains == 'source' else sum(brightness.values()) / 2
    stage = net.stages[0]
    flat = stage.conv(torch.full((1, 1, 28, 28), wanted.item())).mean((0, 2, 3))
    torch.testing.assert_close(stage.norm.running_mean, flat, atol=0.03, rtol=0.03)


@pytest.mark.parametrize(('options', 'missing'), [((), 'source'), (('--domains', 'both'), 'target')])
def test_anchoring_needs_the_images_that_it_is_told_of(tmp_path, options, missing):
    text = SOURCE_ONLY.replace('ROOT', str(tmp_path))
    (tmp_path / 'c.py').write_text(text if missing == 'target' else text.replace('source=', 'data='))
    torch.save({}, tmp_path / 'in.pth')
    result = call('anchor_norms.py', tmp_path / 'c.py', tmp_path / 'out.pth', *options)
    assert result.returncode != 0
    assert f'has no train_dataloader.dataset.{missing}' in result.stderr
    assert not (tmp_path / 'out.pth').exists()
