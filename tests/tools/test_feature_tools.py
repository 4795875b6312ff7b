"""t-SNE and A-distance of a classifier's features, from a config and a checkpoint."""

import importlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmuda import compat
from mmuda.apis import UserError
from mmuda.registry import MODELS

DATA = """
default_scope = 'mmuda'
pipeline = [dict(type='mmpretrain.PackInputs')]
digits = dict(type='mmuda.Digits', data_root='ROOT', ann_file='digits.npz', channels=1, pipeline=pipeline)
train_dataloader = dict(dataset=dict(
    type='mmuda.DomainDataset', source=dict(digits, span=(0, 20)), target=dict(digits, span=(20, 40), labelled=False)))
test_dataloader = dict(dataset=dict(digits, span=(20, 40)))
norm = dict(type='mmuda.TransNorm2d')
model = dict(type='UDAModel', task='classification', student=dict(
    type='ImageClassifier', data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5], std=[127.5]),
    backbone=dict(type='mmuda.LeNet', in_channels=1, norm_cfg=norm, fc_norm_cfg=dict(type='mmuda.TransNorm1d')),
    head=dict(type='LinearClsHead', num_classes=10, in_channels=500)))
"""


@pytest.fixture
def run(tmp_path):
    """Config and checkpoint of a network that was not trained; the target's images are the darker ones."""
    compat.apply()
    images = np.random.default_rng(0).integers(0, 120, (40, 28, 28), dtype=np.uint8)
    images[:20] += 120
    np.savez(tmp_path / 'digits.npz', x=images, y=np.arange(40) % 10)
    (tmp_path / 'c.py').write_text(DATA.replace('ROOT', str(tmp_path)))
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(Config.fromfile(tmp_path / 'c.py').model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'c.pth')
    return [str(tmp_path / 'c.py'), str(tmp_path / 'c.pth')]


@pytest.fixture
def call(repo, monkeypatch):
    """Run a tool's main with arguments."""
    monkeypatch.syspath_prepend(str(repo / 'tools' / 'analysis_tools'))

    def _call(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        importlib.import_module(name).main()

    return _call


def test_separable_domains_have_the_largest_distance(call, run, capsys):
    call('a_distance', *run, '--folds', 4)
    assert 'proxy A-distance 2.000 (20 images of each domain, 4 folds)' in capsys.readouterr().out
    with pytest.raises(UserError, match='folds=9 does not fit 4 samples'):
        call('a_distance', *run, '--folds', 9, '--samples', 4)


def test_a_picture_of_both_domains(call, run, tmp_path, monkeypatch, capsys):
    class First2:
        """The first two channels, for scikit-learn's t-SNE, which is optional."""

        def __init__(self, **options):
            assert options == dict(perplexity=5.0, init='pca', random_state=0)

        def fit_transform(self, features):
            assert features.shape == (24, 500)
            return features[:, :2]

    monkeypatch.setitem(sys.modules, 'sklearn', SimpleNamespace())
    monkeypatch.setitem(sys.modules, 'sklearn.manifold', SimpleNamespace(TSNE=First2))
    out = tmp_path / 'pictures' / 'tsne.png'
    call('plot_tsne', *run, '--out', out, '--samples', 12, '--perplexity', 5, '--dpi', 50)
    assert '12 source and 12 target images' in capsys.readouterr().out
    assert np.asarray(Image.open(out).convert('L')).std() > 5
    with pytest.raises(UserError, match='--perplexity 30 is not below the number of images, 8'):
        call('plot_tsne', *run, '--out', out, '--samples', 4)


def test_without_scikit_learn(call, run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn.manifold', None)
    with pytest.raises(UserError, match='needs scikit-learn, which is not installed: pip install scikit-learn'):
        call('plot_tsne', *run, '--out', tmp_path / 'a.png')
    with pytest.raises(UserError, match='has no suffix of a picture'):
        call('plot_tsne', *run, '--out', tmp_path / 'a.txt')
