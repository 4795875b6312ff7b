"""Backbones of timm: built by the hosts' own wrapper, weights from a file, and what is refused."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmuda import compat
from mmuda.apis import UserError, check_pretrained, load_config
from mmuda.apis.timm_networks import without_timm_weights

BASE = Path(__file__).parents[2] / 'configs/_base_/models/segformer_efficientnet-lite0.py'


def config(**backbone) -> Config:
    backbone = dict(type='mmseg.TIMMBackbone', model_name='x') | backbone
    return Config(dict(model=dict(student=dict(backbone=backbone))))


def lite0_config(path) -> Config:
    return config(
        model_name='tf_efficientnet_lite0',
        pretrained=True,
        pretrained_cfg_overlay=dict(file=str(path)),
        features_only=True,
    )


@pytest.fixture
def lite0():
    pytest.importorskip('timm')
    pytest.importorskip('mmseg')
    compat.apply()
    import mmseg.models  # noqa: F401
    from mmengine.registry import MODELS

    return lambda **options: MODELS.build(dict(load_config(BASE).model.backbone.to_dict(), **options, _scope_='mmseg'))


def test_without_timm_the_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr('mmuda.apis.timm_networks.find_spec', lambda name: None)
    for check in (check_pretrained, without_timm_weights):
        with pytest.raises(
            UserError, match=r"model\.student\.backbone is a TIMMBackbone, .* pip install 'mmuda\[timm\]'"
        ):
            check(config())


def test_weights_that_are_missing_or_not_read(monkeypatch, tmp_path):
    monkeypatch.setattr('mmuda.apis.timm_networks.find_spec', lambda name: name)
    overlay = dict(file=str(tmp_path / 'lite0.pth'))
    with pytest.raises(UserError, match=r'weights of model\.student\.backbone .*lite0\.pth does not exist'):
        check_pretrained(config(pretrained=True, pretrained_cfg_overlay=overlay))
    torch.save({}, overlay['file'])
    with pytest.raises(UserError, match=r'lite0\.pth, which is not read: set its pretrained=True'):
        check_pretrained(config(pretrained=False, pretrained_cfg_overlay=overlay))


def test_a_checkpoint_needs_no_pretrained_weights(monkeypatch):
    monkeypatch.setattr('mmuda.apis.timm_networks.find_spec', lambda name: name)
    cfg = config(pretrained=True, pretrained_cfg_overlay=dict(file='gone.pth'))
    without_timm_weights(cfg)
    assert cfg.model.student.backbone.to_dict() == dict(type='mmseg.TIMMBackbone', model_name='x', pretrained=False)


def test_a_file_of_weights_is_loaded(lite0, tmp_path):
    """With the classifier, as timm publishes them."""
    import timm

    torch.manual_seed(1)
    whole = timm.create_model('tf_efficientnet_lite0').state_dict()
    torch.save(whole, tmp_path / 'whole.pth')
    net = lite0(pretrained=True, pretrained_cfg_overlay=dict(file=str(tmp_path / 'whole.pth')))
    own = net.timm_model.state_dict()
    assert all(torch.equal(value, whole[name]) for name, value in own.items())
    maps = net.eval()(torch.zeros(1, 3, 64, 96))
    assert [tuple(x.shape[1:]) for x in maps] == [(24, 16, 24), (40, 8, 12), (112, 4, 6), (320, 2, 3)]
    assert check_pretrained(lite0_config(tmp_path / 'whole.pth')) is None


@pytest.mark.parametrize('damage', ['missing', 'shape', 'strange'])
def test_a_file_of_other_weights_is_refused(lite0, tmp_path, damage):
    """timm would log it and go on from random numbers."""
    import timm

    state = timm.create_model('tf_efficientnet_lite0').state_dict()
    del state['classifier.weight']  # a classifier is not asked for
    if damage == 'missing':
        del state['blocks.0.0.bn1.weight']
    else:
        state[dict(shape='blocks.0.0.bn1.weight', strange='blocks.9.0.bn1.weight')[damage]] = torch.zeros(5)
    torch.save(state, tmp_path / 'other.pth')
    with pytest.raises(UserError, match=r'no file of the weights of tf_.*: 1 of them.*0\.bn1\.weight'):
        check_pretrained(lite0_config(tmp_path / 'other.pth'))


def test_the_real_weights_know_what_a_photograph_shows(lite0, data_root):
    """Features of real images differ more between classes than within: the preprocessing belongs to the weights."""
    path = data_root / 'weights' / 'efficientnet_lite0_imagenet_timm_fp16.pth'
    if not path.is_file():
        pytest.skip(f'no {path}')
    net = lite0(pretrained=True, pretrained_cfg_overlay=dict(file=str(path))).eval()
    images = [sorted((data_root / 'office_caltech10/amazon' / name).iterdir())[:4] for name in ('bike', 'headphones')]
    from mmuda.datasets.reading import read_rgb

    with torch.no_grad():
        x = torch.stack([_square(read_rgb(str(path))) for paths in images for path in paths])
        features = torch.nn.functional.normalize(net((x - 127) / 128)[-1].mean((2, 3)), dim=1)
    alike = features @ features.T
    assert alike[:4, 4:].mean() < min(alike[:4, :4].mean(), alike[4:, 4:].mean()) - 0.1


def _square(image) -> torch.Tensor:
    x = torch.from_numpy(image.copy()).permute(2, 0, 1).float()[None]
    return torch.nn.functional.interpolate(x, (160, 160), mode='bilinear', align_corners=False)[0]
