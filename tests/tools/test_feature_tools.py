"""What a trained classifier makes of two domains: t-SNE, A-distance, joint hypothesis, transferable channels."""

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
def load(repo, monkeypatch):
    """``load(tool, *arguments)`` → the tool's module, its command line set."""
    monkeypatch.syspath_prepend(str(repo / 'tools' / 'analysis_tools'))

    def _load(name, *args):
        monkeypatch.setattr(sys, 'argv', [name, *map(str, args)])
        return importlib.import_module(name)

    return _load


@pytest.fixture
def call(load):
    """Run a tool's main with arguments."""
    return lambda name, *args: load(name, *args).main()


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


def test_lambda_says_whose_labels_it_uses(call, run, capsys):
    """Pixels at random: no classifier can know the class, and each of the ten is guessed."""
    call('joint_hypothesis', *run, '--folds', 4)
    out = capsys.readouterr().out
    total, source, target = (float(word) for word in out.split() if word.replace('.', '').isdigit() and '.' in word)
    assert total == pytest.approx(source + target, abs=2e-3)
    assert total > 1.2
    assert "20 source and 20 target images, 4 folds; uses the target's labels: for analysis only" in out
    with pytest.raises(UserError, match='folds=9 does not fit 4 samples'):
        call('joint_hypothesis', *run, '--folds', 9, '--samples', 4)


def test_a_segmentor_has_no_bottleneck(load, monkeypatch):
    module = load('features')
    trained = SimpleNamespace(network=torch.nn.Linear(1, 1))
    monkeypatch.setattr(module, 'open_trained', lambda args: trained)
    with pytest.raises(UserError, match=r'config c\.py has the network Linear, no classifier'):
        module.features_of(SimpleNamespace(config='c.py'))


@pytest.fixture
def ranked(run):
    """The checkpoint with the domains' means of the first layer as far apart as a channel's number."""
    checkpoint = torch.load(run[1], weights_only=True)
    checkpoint['state_dict']['student.backbone.stages.0.norm.running_mean_target'] = torch.arange(20.0)
    torch.save(checkpoint, run[1])
    return run


def test_channels_are_ranked_by_running_statistics(call, ranked, tmp_path, capsys):
    out = tmp_path / 'pictures' / 'channels.png'
    call('rank_channels', *ranked, '--out', out, '--channels', 2, '--images', 1, '--dpi', 50)
    text = capsys.readouterr().out
    weights = 1 / (1 + np.arange(20.0))
    alphas = weights / weights.mean()
    assert f'| backbone.stages.0.norm | 20 | 9.500 | 19.000 | {alphas[-1]:.3f}–{alphas[0]:.3f} |' in text
    assert '| backbone.linear.norm | 500 | 0.000 | 0.000 | 1.000–1.000 |' in text
    listed = [line.split(' | ')[0] for line in text.split('channel of backbone.stages.0.norm')[1].splitlines()[2:6]]
    assert listed == ['| 0', '| 1', '| 18', '| 19']
    assert f'{out}: 2 images' in text
    assert np.asarray(Image.open(out).convert('L')).std() > 5


@pytest.mark.parametrize('norm', ['TransNorm', 'BN'])
def test_channels_are_ranked_by_what_images_show(load, run, norm, tmp_path):
    """Of plain batch norm, and of the others if so asked: moments of the first convolution's outputs, all at once."""
    text = (tmp_path / 'c.py').read_text()
    if norm == 'BN':
        (tmp_path / 'c.py').write_text(text.replace('mmuda.TransNorm2d', 'BN').replace('mmuda.TransNorm1d', 'BN1d'))
        network = Config.fromfile(tmp_path / 'c.py').model
        with DefaultScope.overwrite_default_scope('mmuda'):
            torch.save(dict(state_dict=MODELS.build(network).state_dict()), run[1])
    options = ['--cfg-options', 'test_dataloader.batch_size=7', *(['--measure'] if norm == 'TransNorm' else [])]
    tool = load('rank_channels', *run, '--out', 'a.png', *options)
    args = tool.parse_args()
    trained = tool.open_trained(args)
    layers = tool.norm_layers(trained.network, 'c.py')
    ranks = tool.rank(trained, layers, args)
    assert list(ranks) == ['backbone.stages.0.norm', 'backbone.stages.1.norm', 'backbone.linear.norm']
    images = torch.from_numpy(np.load(tmp_path / 'digits.npz')['x'][:, None]).float() / 127.5 - 1
    with torch.no_grad():
        x = trained.network.backbone.stages[0].conv(images).double()
    ratios = [part.mean((0, 2, 3)) / (part.var((0, 2, 3)) + 1e-5).sqrt() for part in (x[:20], x[20:])]
    alpha, distance = ranks['backbone.stages.0.norm']
    torch.testing.assert_close(distance.double(), (ratios[0] - ratios[1]).abs(), atol=1e-4, rtol=1e-4)
    weight = 1 / (1 + distance)
    torch.testing.assert_close(alpha, weight / weight.mean())


def test_maps_are_the_inputs_of_the_layer(load, run):
    tool = load(
        'rank_channels', *run, '--out', 'a.png', '--images', '3', '--cfg-options', 'test_dataloader.batch_size=2'
    )
    args = tool.parse_args()
    trained = tool.open_trained(args)
    name = 'backbone.stages.0.norm'
    images, names, maps = tool.activation_maps(trained, name, tool.norm_layers(trained.network, '')[name], args)
    assert names == ['source 1', 'source 2', 'source 3', 'target 1', 'target 2', 'target 3']
    assert [image.shape for image in images] == [(28, 28, 3)] * 6
    assert min(image.min() for image in images[:3]) >= 120 > max(image.max() for image in images[3:])
    inputs = torch.from_numpy(np.stack(images))[..., :1].permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(np.stack(maps)), trained.network.backbone.stages[0].conv(inputs))
    colours = torch.tensor([1.0, 2, 300])[:, None, None].expand(3, 2, 2)
    assert tool.as_picture(colours)[0, 0].tolist() == [255, 2, 1]


def test_layers_that_cannot_be_ranked_or_drawn(call, load, run, tmp_path):
    out = ['--out', tmp_path / 'a.png']
    with pytest.raises(UserError, match=r'--layer stages is no norm layer .* has backbone\.stages\.0\.norm, .*\.norm'):
        call('rank_channels', *run, *out, '--layer', 'stages')
    with pytest.raises(UserError, match=r'backbone\.linear\.norm works on vectors, so it has no maps to draw'):
        call('rank_channels', *run, *out, '--layer', 'backbone.linear.norm')
    with pytest.raises(UserError, match=r'--channels 11 of backbone\.stages\.0\.norm .* give 1 to 10'):
        call('rank_channels', *run, *out, '--channels', '11')
    with pytest.raises(UserError, match=r'config c\.py has a network without batch norms'):
        load('rank_channels').norm_layers(torch.nn.Linear(1, 1), 'c.py')
    with pytest.raises(UserError, match='has no suffix of a picture'):
        call('rank_channels', *run, '--out', tmp_path / 'a.txt')
    assert not (tmp_path / 'a.png').exists()
