"""The rows of DIDA-Net's tables are leaves or lines of options, and branches learn ten times as fast."""

import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from readme_lines import lines_of

from mmuda.apis import load_config
from mmuda.registry import MODELS

REPO = Path(__file__).parents[2]
LEAVES = REPO / 'configs' / 'dida'
LINES = list(lines_of(LEAVES / 'README.md'))
STATIC, ATTENTION = dict(type='mmuda.StaticModule', reduction=16), dict(type='mmuda.AttentionModule', reduction=16)
DIDA = dict(type='mmuda.DIDAModule', reduction=16)
MAIN = 'dida_resnet18_pacs'
# the paper's table, a row of the README with its accuracy, the modules of the network's branch
PACS = [
    ('IV, V', 'static CNN', '90.39', STATIC),
    ('IV', 'without the main stream', '80.78', DIDA),
    ('V', 'dilation 1', '90.69', dict(DIDA, dilations=(1,))),
    ('V', 'dilation 2', '90.08', dict(DIDA, dilations=(2,))),
    ('V', 'dilation 1, static CNN', '89.91', dict(STATIC, dilations=(1,))),
    ('V', 'dilation 2, static CNN', '89.68', dict(STATIC, dilations=(2,))),
    ('VI', 'top branch with 1×1 kernels', '90.40', dict(DIDA, kernel_size=(1, 3))),
    ('VI', 'conv1 not shared among three branches', '90.30', dict(DIDA, share_reduction=False)),
    ('Fig. 7', 'm = 2 instead of 16', '91.21', dict(DIDA, reduction=2)),
    ('Fig. 7', 'm = 4 instead of 16', '91.23', dict(DIDA, reduction=4)),
    ('Fig. 7', 'm = 8 instead of 16', '91.18', dict(DIDA, reduction=8)),
    ('Fig. 7', 'm = 32 instead of 16', '89.70', dict(DIDA, reduction=32)),
    ('X', 'SENet', '89.55', dict(ATTENTION, attention=dict(type='mmuda.SqueezeExcitation'))),
    ('X', 'CBAM', '86.17', dict(ATTENTION, attention=dict(type='mmuda.CBAM'))),
    ('X', 'self-attention', '91.27', dict(ATTENTION, attention=dict(type='mmengine.NonLocal2d'))),
]
# leaves of their own: what they add is more than options
LEAVES_OF_PACS = [
    ('dida_resnet18_pacs', 'Table IIIa', '91.83', DIDA),
    ('dida_resnet18_pacs_mmd', 'Table VIII', '91.75', DIDA),
    ('dida_resnet18_pacs_mcd', 'Table VIII', '91.22', DIDA),
    ('dida_resnet18_pacs_dann', 'Table VIII', '90.58', DIDA),
    ('dida_resnet18_pacs_residual-adapters', 'Table XI', '72.93', dict(type='mmuda.ResidualAdapter')),
]
ALIGNED = {
    f'dida_resnet18_pacs_{name}': f'mmuda.{term}' for name, term in dict(mmd='DAN', mcd='MCD', dann='DANN').items()
}
STAGES = [
    ('res1', '88.96', {'layer1'}),
    ('res2', '90.72', {'layer2'}),
    ('res3', '90.14', {'layer3'}),
    ('res14', '90.19', {'layer1', 'layer4'}),
    ('res24', '88.47', {'layer2', 'layer4'}),
    ('res34', '90.05', {'layer3', 'layer4'}),
]
OTHERS = [
    ('dida_cnn2_mnist2usps', 'Table I', '98.0'),
    ('dida_cnn2_usps2mnist', 'Table I', '97.9'),
    ('dida_cnn3_svhn2mnist', 'Table I', '94.8'),
    ('dida_resnet50_officehome', 'Table II', '72.1'),
    ('dida_cnn3_digit-five', 'Table IIIb', '94.5'),
    ('dida_resnet101_domainnet', 'Table IIIc', '51.9'),
    ('dida_wrn-28-2_cifar10', 'Table XIII', '78.98'),
    ('fixmatch_wrn-28-2_cifar10', 'Table XIII', '69.88'),
]
SETTINGS = [
    'cnn2_mnist2usps',
    'cnn2_usps2mnist',
    'cnn2_mnist2mnistm',
    'cnn2_mnist-usps2mnistm',
    'cnn3_mnist2mnistm',
    'cnn3_svhn2mnist',
    'cnn3_mnist-usps2mnistm',
    'cnn3_digit-five',
    'mobilenet-v2_office-caltech10-multi',
    'resnet18_pacs',
    'resnet50_officehome',
    'resnet101_domainnet',
    'wrn-28-2_cifar10',
]


def read(leaf: str, options: dict | None = None) -> Config:
    return load_config(LEAVES / f'{leaf}.py', options)


def options_of(row: str) -> dict:
    """What the README has for a row."""
    (line,) = [line for line in LINES if line.row == row]
    return line.options


def metafile() -> dict:
    return {model['Name']: model for model in yaml.safe_load((LEAVES / 'metafile.yml').read_text())['Models']}


def branch(student) -> dict:
    """The one branch of a network."""
    neck = student.neck[0] if isinstance(student.neck, list) else student.neck  # a bottleneck may follow
    (config,) = student.backbone.get('beside', {}).values() or (neck,)
    return config


def assert_published(leaf: str, table: str, accuracy: str) -> None:
    """The figure is in the header, in the metafile and in the README."""
    header = (LEAVES / f'{leaf}.py').read_text()
    assert re.search(
        rf'^# Expected, from the paper \({table}(,.*)?\): {accuracy} % accuracy. Not run here.$', header, re.MULTILINE
    )
    (result,) = metafile()[leaf]['Results']
    assert (result['Metrics'], result['Measured']) == (dict(accuracy=float(accuracy)), False)
    readme = (LEAVES / 'README.md').read_text()
    assert f'[{accuracy}]({leaf}.py)' in readme or re.search(rf'\]\({leaf}\.py\) \| {accuracy} ', readme)


@pytest.mark.parametrize('table, row, accuracy, module', PACS, ids=[row[1] for row in PACS])
def test_a_row_of_pacs_is_a_line(table, row, accuracy, module):
    """It is the network of the main leaf but for the modules of its branch."""
    ours, main = read(MAIN, options_of(f'{table} | {row} | {accuracy}')).to_dict(), read(MAIN).to_dict()
    assert ours['model']['student']['neck'].pop('module') == module
    del main['model']['student']['neck']['module']
    if row == 'without the main stream':
        assert ours['model']['student']['neck'].pop('main_stream') is False
        shorter = dict(num_stages=3, strides=(1, 2, 2), dilations=(1, 1, 1), out_indices=(2,))
        main['model']['student']['backbone'].update(shorter)
    assert ours == main


@pytest.mark.parametrize('leaf, table, accuracy, module', LEAVES_OF_PACS, ids=[row[0] for row in LEAVES_OF_PACS])
def test_a_row_of_pacs_has_its_leaf(leaf, table, accuracy, module):
    assert_published(leaf, table, accuracy)
    ours, main = read(leaf).to_dict(), read(MAIN).to_dict()
    assert ours['model']['student']['neck'].pop('module') == module
    del main['model']['student']['neck']['module']
    if leaf in ALIGNED:
        (name,) = ours['model']['terms'].keys() - {'target'}
        assert ours['model']['terms'].pop(name)['type'] == ALIGNED[leaf]
    if leaf.endswith('_mcd'):
        ours['model']['student']['head'] = ours['model']['student']['head']['classifier']
    for key in ('model', 'train_dataloader', 'train_cfg'):
        assert ours[key] == main[key]


@pytest.mark.parametrize('kept, accuracy, stages', STAGES, ids=[row[0] for row in STAGES])
def test_a_column_of_table_vii_is_a_line(kept, accuracy, stages):
    cfg = read(f'{MAIN}_every-stage', options_of(f'VII | {kept} | {accuracy}'))
    assert {stage for stage, config in cfg.model.student.backbone.beside.items() if config is not None} == stages


@pytest.mark.parametrize('leaf, table, accuracy', OTHERS, ids=[row[0] for row in OTHERS])
def test_a_row_of_other_data_has_its_leaf(leaf, table, accuracy):
    assert_published(leaf, table, accuracy)


@pytest.mark.parametrize('setting', SETTINGS)
def test_a_control_differs_in_its_module_alone(setting):
    """Same network, data, method and schedule; FixMatch has none of the additions."""
    ours, plain = (read(f'{method}_{setting}') for method in ('dida', 'fixmatch'))
    static = read(f'dida_{setting}', {'module': 'mmuda.StaticModule'})
    assert branch(ours.model.student).module.pop('type') == 'mmuda.DIDAModule'
    assert branch(static.model.student).module.pop('type') == 'mmuda.StaticModule'
    assert ours.model == static.model
    assert 'beside' not in plain.model.student.backbone
    assert plain.model.student.head == ours.model.student.head
    for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'test_dataloader'):
        assert ours[key] == static[key] == plain[key], key
    assert ours.model.labeller.weighting == ('confidence' if setting.endswith('domainnet') else 'threshold')
    for key in ('labeller', 'views', 'terms'):
        assert ours.model[key] == plain.model[key], key


@pytest.mark.parametrize('setting', [name for name in SETTINGS if 'officehome' not in name and 'cifar' not in name])
def test_source_only_is_the_twin_of_fixmatch(setting):
    """Office-Home's is TransNorm's baseline, and CIFAR-10 has one domain."""
    plain = read(f'fixmatch_{setting}')
    source = Config.fromfile(REPO / 'configs' / 'source_only' / f'source-only_{setting}.py')
    assert source.model == plain.model.student
    loaders = (plain.train_dataloader, source.train_dataloader)
    assert loaders[0].dataset.source == loaders[1].dataset.source
    target = loaders[0].batch_size * loaders[0].sampler.ratio[-1] // sum(loaders[0].sampler.ratio)
    assert loaders[1].batch_size == loaders[0].batch_size - target
    for key in ('train_cfg', 'optim_wrapper', 'param_scheduler', 'test_dataloader'):
        assert source[key] == plain[key], key


@pytest.mark.parametrize(
    'leaf, options',
    [
        ('dida_cnn2_mnist2usps', {'mixstyle': False}),
        ('dida_cnn3_svhn2mnist', {'mixstyle': False}),
        ('dida_resnet50_officehome', {'model.student.backbone.after.layer1': None}),
    ],
)
def test_without_mixstyle(leaf, options):
    """One source: MixStyle after the first stage, which an option drops."""
    ours, without = read(leaf).to_dict(), read(leaf, options).to_dict()
    (layer,) = ours['model']['student']['backbone'].pop('after').values()
    assert (layer['type'], layer['p'], layer['alpha']) == ('mmuda.MixStyle', 0.5, 0.1)
    assert list(without['model']['student']['backbone'].pop('after').values()) == [None]
    assert ours['model'] == without['model']


def test_several_sources_have_no_mixstyle():
    digits = ('cnn2_mnist-usps2mnistm', 'cnn3_mnist-usps2mnistm', 'cnn3_digit-five')
    for setting in (*digits, 'resnet18_pacs', 'resnet101_domainnet', 'mobilenet-v2_office-caltech10-multi'):
        assert 'after' not in read(f'dida_{setting}').model.student.backbone


@pytest.mark.parametrize(
    'leaf, prefix',
    [
        ('dida_resnet18_pacs', 'student.neck.branch.'),
        ('dida_resnet18_pacs_every-stage', 'student.backbone.beside.'),
        ('dida_resnet18_pacs_dann', 'terms.dann.'),
        ('dida_resnet18_pacs_mcd', 'student.head.classifiers.'),
    ],
)
def test_what_starts_from_random_weights_learns_ten_times_as_fast(leaf, prefix):
    """Adam's 5e-5 for ImageNet weights; the branch and the classifier 5e-4."""
    pytest.importorskip('mmpretrain')
    pytest.importorskip('torchvision')
    cfg = read(leaf)
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model)
        optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {names[id(p)]: group['lr'] for group in optimizer.param_groups for p in group['params']}
    assert rates.keys() == set(names.values())
    fast = {name for name in rates if name.startswith((prefix, 'student.neck.', 'student.head.'))}
    assert any(name.startswith(prefix) for name in fast)
    assert list({rates[name] for name in fast}) == pytest.approx([5e-4])
    assert {rates[name] for name in rates.keys() - fast} == {5e-5}


@pytest.mark.parametrize('leaf, rate', [('dida_resnet50_officehome', 1e-3), ('dida_resnet101_domainnet', 2e-3)])
def test_larger_networks_have_their_branch_where_the_schedule_looks(leaf, rate):
    cfg = read(leaf)
    assert cfg.model.student.neck.type == 'mmuda.DIDANeck'
    assert cfg.optim_wrapper.optimizer.lr == rate
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys.to_dict() == {
        key: dict(lr_mult=10.0) for key in ('neck.', 'head.')
    }


def test_the_pages_list_what_exists():
    readme = (LEAVES / 'README.md').read_text()
    links = set(re.findall(r'\]\(([^):#]+)\)', readme))
    assert [link for link in links if not (LEAVES / link).exists()] == []
    leaves = {path.stem for path in LEAVES.glob('*.py')}
    assert {Path(link).stem for link in links if '/' not in link} == leaves
    assert metafile().keys() == leaves
    assert all(model['Config'] == f'configs/dida/{name}.py' for name, model in metafile().items())
