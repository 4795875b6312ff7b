"""The rows of the TransNorm paper's Tables 1 to 6 have their leaves, and the pages of the method know them."""

import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from mmuda.registry import MODELS

REPO = Path(__file__).parents[2]
LEAVES = REPO / 'configs' / 'transnorm'
# a leaf, the paper's accuracy, type of the norm, its options
TABLES = [
    ('dann_resnet50_office31_bn', '82.2', 'BN', {}),
    ('dann_resnet50_office31', '86.0', 'mmuda.TransNorm', {}),
    ('cdan-e_resnet50_office31_bn', '87.7', 'BN', {}),
    ('cdan-e_resnet50_office31', '89.3', 'mmuda.TransNorm', {}),
    ('dann_resnet50_imageclef_bn', '85.0', 'BN', {}),
    ('dann_resnet50_imageclef', '87.0', 'mmuda.TransNorm', {}),
    ('cdan-e_resnet50_imageclef_bn', '87.7', 'BN', {}),
    ('cdan-e_resnet50_imageclef', '88.5', 'mmuda.TransNorm', {}),
    ('dann_resnet50_officehome_bn', '57.6', 'BN', {}),
    ('dann_resnet50_officehome', '59.3', 'mmuda.TransNorm', {}),
    ('cdan-e_resnet50_officehome_bn', '65.8', 'BN', {}),
    ('cdan-e_resnet50_officehome', '67.6', 'mmuda.TransNorm', {}),
    ('mdd_resnet50_office31_bn', '88.8', 'BN', {}),
    ('mdd_resnet50_office31', '89.5', 'mmuda.TransNorm', {}),
    ('dann_inception-bn_office31_bn', '82.1', 'BN', {}),
    ('dann_inception-bn_office31', '83.2', 'mmuda.TransNorm', {}),
    ('cdan-e_inception-bn_office31_bn', '84.9', 'BN', {}),
    ('dann_dtn_svhn2mnist_bn', '73.9', 'BN', {}),
    ('dann_dtn_svhn2mnist', '77.0', 'mmuda.TransNorm', {}),
    ('cdan-e_dtn_svhn2mnist_bn', '89.2', 'BN', {}),
    ('dann_resnet50_visda_bn', '63.7', 'BN', {}),
    ('dann_resnet50_visda', '66.3', 'mmuda.TransNorm', {}),
    ('cdan-e_resnet50_visda_bn', '70.0', 'BN', {}),
    ('cdan-e_resnet50_visda', '71.4', 'mmuda.TransNorm', {}),
    ('dann_resnet50_office31_adabn', '82.4', 'mmuda.AdaBN', {}),
    ('dann_resnet50_office31_autodial', '84.8', 'mmuda.AutoDIAL', {}),
    ('cdan-e_resnet50_office31_adabn', '88.8', 'mmuda.AdaBN', {}),
    ('cdan-e_resnet50_office31_autodial', '92.3', 'mmuda.AutoDIAL', {}),
    ('cdan-e_resnet50_office31_alpha-1', '88.5', 'mmuda.TransNorm', dict(distance='none')),
    ('cdan-e_resnet50_office31_distance-mean', '88.9', 'mmuda.TransNorm', dict(distance='mean')),
    ('cdan-e_resnet50_office31_distance-wasserstein', '88.4', 'mmuda.TransNorm', dict(distance='wasserstein')),
    ('cdan-e_resnet50_office31_probability-softmax', '87.9', 'mmuda.TransNorm', dict(probability='softmax')),
    ('cdan-e_resnet50_office31_probability-gaussian', '88.7', 'mmuda.TransNorm', dict(probability='gaussian')),
]
PAIRS = [
    ('office31', 'dslr-amazon', 'dslr/images', 'amazon/images'),
    ('officehome', 'product-real', 'Product', 'Real World'),
    ('imageclef', 'c-p', 'list/cList.txt', 'list/pList.txt'),
    ('visda', 'train-validation', 'train', 'validation'),
]


@pytest.mark.parametrize('leaf, accuracy, norm, options', TABLES, ids=[row[0] for row in TABLES])
def test_a_row_has_its_leaf(leaf, accuracy, norm, options):
    """The norms in every place, and the figure in the header, in the metafile and in the README."""
    student = Config.fromfile(LEAVES / f'{leaf}.py').model.student
    two, one = ('BN', 'BN1d') if norm == 'BN' else (f'{norm}2d', f'{norm}1d')
    vectors = student.neck.norm_cfg if student.neck else student.backbone.fc_norm_cfg
    assert student.backbone.norm_cfg.to_dict() == dict(type=two, **options)
    assert vectors.to_dict() == dict(type=one, **options)
    header = (LEAVES / f'{leaf}.py').read_text()
    assert re.search(
        rf'^# Expected, from the paper \(Table \d.*\): {accuracy} % accuracy. Not run here.$', header, re.M
    )
    (result,) = metafile()[leaf]['Results']
    assert result['Metrics'] == dict(accuracy=float(accuracy))
    assert result['Measured'] is False
    readme = (LEAVES / 'README.md').read_text()
    assert f'[{accuracy}]({leaf}.py)' in readme or re.search(rf'\]\({leaf}\.py\) \|.* {accuracy} \|', readme)


@pytest.mark.parametrize('leaf', ['cdan-e_inception-bn_office31', 'cdan-e_dtn_svhn2mnist'])
def test_a_lost_figure_has_its_leaf(leaf):
    assert (
        "# Expected: a figure of the paper's Table 4 that the copy at hand has lost."
        in (LEAVES / f'{leaf}.py').read_text()
    )
    assert 'Results' not in metafile()[leaf]
    assert f'[lost]({leaf}.py)' in (LEAVES / 'README.md').read_text()
    ours, twin = (Config.fromfile(LEAVES / f'{name}.py').to_dict() for name in (leaf, f'{leaf}_bn'))
    norms(ours['model']['student']), norms(twin['model']['student'])
    assert ours['model'] == twin['model']


@pytest.mark.parametrize('data, pair, source, target', PAIRS, ids=[row[0] for row in PAIRS])
def test_a_pair_of_domains_is_one_variable(data, pair, source, target, monkeypatch):
    monkeypatch.setenv('MMUDA_PAIR', pair)
    cfg = Config.fromfile(LEAVES / f'dann_resnet50_{data}.py')
    parts = cfg.train_dataloader.dataset
    for part, domain in ((parts.source, source), (parts.target, target), (cfg.test_dataloader.dataset, target)):
        assert part.get('ann_file') == domain or part.data_prefix.img_path == domain
    assert parts.target.labelled is False


@pytest.mark.parametrize(
    'leaf',
    ['dann_lenet_mnist2usps', 'cdan_lenet_usps2mnist', 'cdan-e_dtn_mnist2mnistm', 'mdd_mobilenet-v2_office-caltech10'],
)
def test_digits_and_office_caltech_are_their_twins_but_for_the_norms(leaf):
    ours = Config.fromfile(LEAVES / f'{leaf}.py').to_dict()
    theirs = Config.fromfile(twin(leaf)).to_dict()
    del ours['norms']
    assert norms(ours['model']['student']) == {'mmuda.TransNorm2d', 'mmuda.TransNorm1d'}
    assert norms(theirs['model']['student']) == {'BN', 'BN1d'}
    assert ours == theirs


def test_every_adversarial_leaf_has_a_twin_with_trans_norm():
    twins = [path for method in ('dann', 'cdan', 'mdd') for path in (REPO / 'configs' / method).glob('*.py')]
    for path in twins:
        assert f"_base_ = '../{path.parent.name}/{path.name}'" in (LEAVES / path.name).read_text()


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


def twin(leaf: str) -> Path:
    return REPO / 'configs' / re.split('[-_]', leaf)[0] / f'{leaf}.py'


def norms(student: dict) -> set[str]:
    """Types of the norms, which it takes out."""
    parts = (student['backbone'], student['neck'] or {})
    return {part.pop(key)['type'] for part in parts for key in ('norm_cfg', 'fc_norm_cfg') if key in part}


def metafile() -> dict:
    return {model['Name']: model for model in yaml.safe_load((LEAVES / 'metafile.yml').read_text())['Models']}
