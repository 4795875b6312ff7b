"""The rows of the TransNorm paper's Tables 1 to 6 are leaves or lines of options, and these are what their rows say."""

import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from readme_lines import lines_of
from torch import nn

from mmuda.apis import load_config
from mmuda.registry import MODELS

REPO = Path(__file__).parents[2]
LEAVES = REPO / 'configs' / 'transnorm'
# a leaf, its figure, type of the norm, its options; what the README's line has for it is another norm or these options
TRANS = 'mmuda.TransNorm'
TABLES = [
    ('dann_resnet50_office31', '82.2', 'BN', {}),
    ('dann_resnet50_office31', '86.0', TRANS, {}),
    ('cdan-e_resnet50_office31', '87.7', 'BN', {}),
    ('cdan-e_resnet50_office31', '89.3', TRANS, {}),
    ('dann_resnet50_imageclef', '85.0', 'BN', {}),
    ('dann_resnet50_imageclef', '87.0', TRANS, {}),
    ('cdan-e_resnet50_imageclef', '87.7', 'BN', {}),
    ('cdan-e_resnet50_imageclef', '88.5', TRANS, {}),
    ('dann_resnet50_officehome', '57.6', 'BN', {}),
    ('dann_resnet50_officehome', '59.3', TRANS, {}),
    ('cdan-e_resnet50_officehome', '65.8', 'BN', {}),
    ('cdan-e_resnet50_officehome', '67.6', TRANS, {}),
    ('mdd_resnet50_office31', '88.8', 'BN', {}),
    ('mdd_resnet50_office31', '89.5', TRANS, {}),
    ('dann_inception-bn_office31', '82.1', 'BN', {}),
    ('dann_inception-bn_office31', '83.2', TRANS, {}),
    ('cdan-e_inception-bn_office31', '84.9', 'BN', {}),
    ('dann_dtn_svhn2mnist', '73.9', 'BN', {}),
    ('dann_dtn_svhn2mnist', '77.0', TRANS, {}),
    ('cdan-e_dtn_svhn2mnist', '89.2', 'BN', {}),
    ('dann_resnet50_visda', '63.7', 'BN', {}),
    ('dann_resnet50_visda', '66.3', TRANS, {}),
    ('cdan-e_resnet50_visda', '70.0', 'BN', {}),
    ('cdan-e_resnet50_visda', '71.4', TRANS, {}),
    ('dann_resnet50_office31', 'DANN, AdaBN', 'mmuda.AdaBN', {}),
    ('dann_resnet50_office31', 'DANN, AutoDIAL', 'mmuda.AutoDIAL', {}),
    ('cdan-e_resnet50_office31', 'CDAN+E, AdaBN', 'mmuda.AdaBN', {}),
    ('cdan-e_resnet50_office31', 'CDAN+E, AutoDIAL', 'mmuda.AutoDIAL', {}),
    ('cdan-e_resnet50_office31', '… alpha = 1', TRANS, dict(distance='none')),
    ('cdan-e_resnet50_office31', '… distance of means', TRANS, dict(distance='mean')),
    ('cdan-e_resnet50_office31', '… Wasserstein distance', TRANS, dict(distance='wasserstein')),
    ('cdan-e_resnet50_office31', '… softmax', TRANS, dict(probability='softmax')),
    ('cdan-e_resnet50_office31', '… Gaussian', TRANS, dict(probability='gaussian')),
]
LINES = list(lines_of(LEAVES / 'README.md'))
PAIRS = [
    ('office31', 'dslr-amazon', 'dslr/images', 'amazon/images'),
    ('officehome', 'product-real', 'Product', 'Real World'),
    ('imageclef', 'c-p', 'list/cList.txt', 'list/pList.txt'),
    ('visda', 'train-validation', 'train', 'validation'),
]


@pytest.mark.parametrize('leaf, figure, norm, options', TABLES, ids=[' '.join(row[:2]) for row in TABLES])
def test_a_row_is_a_leaf_or_a_line(leaf, figure, norm, options):
    """The norms in every place; a leaf has its figure in the header and in the metafile, too."""
    (line,) = {line.words: line for line in LINES if line.figure == figure and Path(line.leaf).stem == leaf}.values()
    cfg = load_config(REPO / line.leaf, line.options)
    student = cfg.model.student
    vectors = student.neck.norm_cfg if student.neck else student.backbone.fc_norm_cfg
    assert student.backbone.norm_cfg.to_dict() == dict(type=f'{norm}2d', **options)
    assert vectors.to_dict() == dict(type=f'{norm}1d', **options)
    hooks = [hook.type for hook in cfg.get('custom_hooks', [])]
    assert hooks == (['mmuda.AdaBNHook'] if norm == 'mmuda.AdaBN' else [])
    if not line.words:
        header = (LEAVES / f'{leaf}.py').read_text()
        expected = rf'^# Expected, from the paper \(Table \d.*\): {figure} % accuracy. Not run here.$'
        assert re.search(expected, header, re.MULTILINE)
        (result,) = metafile()[leaf]['Results']
        assert (result['Metrics'], result['Measured']) == (dict(accuracy=float(figure)), False)


@pytest.mark.parametrize('leaf', ['cdan-e_inception-bn_office31', 'cdan-e_dtn_svhn2mnist'])
def test_a_lost_figure_has_its_leaf(leaf):
    assert (
        "# Expected: a figure of the paper's Table 4 that the copy at hand has lost."
        in (LEAVES / f'{leaf}.py').read_text()
    )
    assert 'Results' not in metafile()[leaf]
    assert f'[lost]({leaf}.py)' in (LEAVES / 'README.md').read_text()


@pytest.mark.parametrize('data, pair, source, target', PAIRS, ids=[row[0] for row in PAIRS])
def test_a_pair_of_domains_is_one_variable(data, pair, source, target, monkeypatch):
    monkeypatch.setenv('MMUDA_PAIR', pair)
    cfg = Config.fromfile(LEAVES / f'dann_resnet50_{data}.py')
    parts = cfg.train_dataloader.dataset
    for part, domain in ((parts.source, source), (parts.target, target), (cfg.test_dataloader.dataset, target)):
        assert part.get('ann_file') == domain or part.data_prefix.img_path == domain
    assert parts.target.labelled is False


@pytest.mark.parametrize('method, network', [('dann', 'lenet_mnist2usps'), ('mdd', 'mobilenet-v2_office-caltech10')])
def test_another_norm_is_all_that_changes(method, network):
    leaf = REPO / 'configs' / method / f'{method}_{network}.py'
    ours, theirs = load_config(leaf, {'norm': TRANS}).to_dict(), load_config(leaf).to_dict()
    assert norms(ours['model']['student']) == {'mmuda.TransNorm2d', 'mmuda.TransNorm1d'}
    assert norms(theirs['model']['student']) == {'BN2d', 'BN1d'}
    assert ours == theirs


@pytest.fixture(scope='module')
def mdd():
    """The largest leaf, built, initialised but for the backbone's checkpoint, and its optimizer."""
    pytest.importorskip('mmpretrain')
    pytest.importorskip('torchvision')
    cfg = Config.fromfile(LEAVES / 'mdd_resnet50_officehome.py')
    cfg.model.student.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model)
        model.init_weights()
        return model, build_optim_wrapper(model, cfg.optim_wrapper).optimizer


def test_what_starts_from_random_weights_learns_ten_times_as_fast(mdd):
    """The released code: lr_mult 10, and decay_mult 2 of 0.0005 for all."""
    model, optimizer = mdd
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {names[id(p)]: group['lr'] for group in optimizer.param_groups for p in group['params']}
    assert rates.keys() == set(names.values())
    assert {rate for name, rate in rates.items() if name.startswith('student.backbone.')} == {1e-3}
    fast = ('student.neck.', 'student.head.', 'terms.')
    assert {rate for name, rate in rates.items() if name.startswith(fast)} == {1e-2}
    shared = [{key: group[key] for key in ('momentum', 'nesterov', 'weight_decay')} for group in optimizer.param_groups]
    assert shared == [dict(momentum=0.9, nesterov=True, weight_decay=1e-3)] * 2


def test_mdd_has_its_released_network_on_office_home(mdd):
    model, _ = mdd
    assert (model.student.neck.linear.out_features, model.terms.mdd.margin) == (2048, 2.0)
    for classifier in (model.student.head.layers, model.terms.mdd.classifier):
        linear = [layer for layer in classifier.modules() if isinstance(layer, nn.Linear)]
        assert [tuple(layer.weight.shape) for layer in linear] == [(2048, 2048), (65, 2048)]
        assert [layer.weight.std().item() for layer in linear] == pytest.approx([0.01, 0.01], rel=0.02)
    assert model.student.neck.linear.weight.std().item() == pytest.approx(0.005, rel=0.02)


def test_the_pages_list_what_exists():
    readme = (LEAVES / 'README.md').read_text()
    links = set(re.findall(r'\]\(([^):#]+)\)', readme))
    assert [link for link in links if not (LEAVES / link).exists()] == []
    leaves = {path.stem for path in LEAVES.glob('*.py')}
    assert {Path(link).stem for link in links if '/' not in link} == leaves
    assert metafile().keys() == leaves
    assert all(model['Config'] == f'configs/transnorm/{name}.py' for name, model in metafile().items())


def norms(student: dict) -> set[str]:
    """Types of the norms, which it takes out."""
    parts = (student['backbone'], student['neck'] or {})
    return {part.pop(key)['type'] for part in parts for key in ('norm_cfg', 'fc_norm_cfg') if key in part}


def metafile() -> dict:
    return {model['Name']: model for model in yaml.safe_load((LEAVES / 'metafile.yml').read_text())['Models']}
