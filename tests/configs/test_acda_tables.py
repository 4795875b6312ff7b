"""The rows of ACDA's Tables 1 to 7 are leaves or lines of options, and these are what their rows say."""

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
LEAVES = REPO / 'configs' / 'acda'
MAIN = 'acda_resnet50_office31'
STAGES = tuple(f'backbone.layer{number}' for number in range(1, 5))
# a leaf, the paper's table and its accuracy
DATA = [
    (MAIN, '1', '90.94'),
    ('acda_resnet50_officehome', '2', '70.5'),
    ('acda_resnet50_imageclef', '3', '87.85'),
    ('acda_resnet101_visda', '4', '86.4'),
]
# a row of the README, the paper's table and its accuracy, what the term has instead
NO_LABEL = dict(condition='none')
CHANGES = [
    ('without label-conditioned and cross-layer alignment', '5', '87.00', dict(NO_LABEL, delta=0.0)),
    ('without cross-layer alignment', '5', '89.27', dict(delta=0.0)),
    ('without label-conditioned alignment', '5', '88.20', NO_LABEL),
    ('without attention', '5', '89.85', dict(attention=False)),
    ('no layers, pooling', '6', '89.78', dict(num_layers=0, residual=False, pool='adaptive')),
    ('1 layer', '6', '90.12', dict(num_layers=1, residual=False)),
    ('3 layers', '6', '90.29', dict(residual=False)),
    ('3 layers, pooling', '6', '90.48', dict(residual=False, pool='adaptive')),
    ('3 layers, pooling, residual', '6', '90.82', dict(pool='adaptive')),
    ('m = 2', '7', '89.87', dict(taps=STAGES[2:], in_channels=(1024, 2048))),
    ('m = 4', '7', '91.02', dict(taps=STAGES, in_channels=(256, 512, 1024, 2048))),
    ('m = all', '7', '91.09', dict(taps=('backbone.maxpool', *STAGES), in_channels=(64, 256, 512, 1024, 2048))),
]
ABLATIONS = [change for change in CHANGES if change[1] == '5']
LINES = list(lines_of(LEAVES / 'README.md'))
SMALL = ['acda_lenet_mnist2usps', 'acda_lenet_usps2mnist', 'acda_mobilenet-v2_office-caltech10']
# data, pair, the threshold of the released code
DISTANCES = [
    ('office31', 'amazon-dslr', 0.05),
    ('office31', 'amazon-webcam', 0.05),
    ('office31', 'dslr-amazon', 1.0),
    ('office31', 'webcam-dslr', 1.0),
    ('officehome', 'art-clipart', 0.05),
    ('officehome', 'art-real', 1.0),
    ('officehome', 'clipart-art', 1.0),
    ('officehome', 'product-real', 0.05),
    ('officehome', 'real-art', 0.05),
    ('imageclef', 'c-p', 0.05),
]


def read(leaf: str, options: dict | None = None) -> Config:
    return load_config(LEAVES / f'{leaf}.py', options)


def options_of(row: str, leaf: str = MAIN) -> dict:
    """What the README has for a row of a leaf."""
    found = {line.words: line.options for line in LINES if line.row.startswith(row) and Path(line.leaf).stem == leaf}
    (options,) = found.values()
    return options


def metafile() -> dict:
    return {model['Name']: model for model in yaml.safe_load((LEAVES / 'metafile.yml').read_text())['Models']}


def build(cfg: Config):
    cfg.model.student.backbone.init_cfg = None
    with DefaultScope.overwrite_default_scope('mmuda'):
        return MODELS.build(cfg.model)


def cluster_hook(cfg: Config) -> dict:
    (hook,) = cfg.custom_hooks
    assert hook.type == 'mmuda.ACDAHook'
    return hook


def assert_published(leaf: str, table: str, accuracy: str) -> None:
    """The figure is in the header, in the metafile and in the README."""
    header = (LEAVES / f'{leaf}.py').read_text()
    expected = rf'^# Expected, from the paper \(Table {table}(,.*)?\): {accuracy} % accuracy. Not run here.$'
    assert re.search(expected, header, re.MULTILINE)
    (result,) = metafile()[leaf]['Results']
    assert (result['Metrics'], result['Measured']) == (dict(accuracy=float(accuracy)), False)
    assert f'(Table {table})' in result['Dataset']
    assert re.search(rf'\]\({leaf}\.py\) \|.* {accuracy} \|', (LEAVES / 'README.md').read_text())


def assert_changed(row: str, leaf: str, changes: dict) -> None:
    """The README's options change the term as the row says, and nothing else."""
    ours, main = read(leaf, options_of(row, leaf)).to_dict(), read(leaf).to_dict()
    main['model']['terms']['acda'].update(changes)
    assert ours == main


@pytest.mark.parametrize('leaf, table, accuracy', DATA, ids=[row[0] for row in DATA])
def test_a_data_set_has_its_leaf(leaf, table, accuracy):
    """The paper's settings, Sec. 4.3, and the released code's where it is silent."""
    assert_published(leaf, table, accuracy)
    cfg = read(leaf)
    assert cfg.model.student.backbone.depth == (101 if 'resnet101' in leaf else 50)
    assert cfg.model.student.backbone.norm_cfg.type == 'mmuda.DomainSpecificBatchNorm2d'
    term = cfg.model.terms.acda
    assert (tuple(term.taps), tuple(term.in_channels)) == (STAGES[1:], (512, 1024, 2048))
    assert (term.delta, term.loss_weight, term.condition) == (0.7, 0.3, 'intra')
    per_class, classes = (10, 6) if 'visda' in leaf else (3, 10)
    sampler, images = cfg.train_dataloader.sampler, per_class * classes
    assert (sampler.type, sampler.per_class) == ('mmuda.ClassAwareSampler', per_class)
    assert (cfg.train_dataloader.batch_size, tuple(sampler.ratio)) == (2 * images, (images, images))
    (schedule,) = cfg.param_scheduler
    rate, power = (0.0005, 2.25) if 'visda' in leaf else (0.001, 0.75)
    assert (schedule.alpha / cfg.train_cfg.max_iters, schedule.beta) == (pytest.approx(rate), power)
    hook = cluster_hook(cfg)
    assert (1 - hook.pretrain) / hook.interval == pytest.approx(50)  # the released code's rounds at most


@pytest.mark.parametrize('row, table, accuracy, changes', CHANGES, ids=[row[0] for row in CHANGES])
def test_a_row_of_office_31_is_a_line(row, table, accuracy, changes):
    assert f'\n| {table} | {row} | {accuracy} |' in (LEAVES / 'README.md').read_text()
    assert_changed(f'{table} | {row} | {accuracy}', MAIN, changes)


@pytest.mark.parametrize('row, table, accuracy, changes', ABLATIONS, ids=[row[0] for row in ABLATIONS])
@pytest.mark.parametrize('leaf', SMALL)
def test_small_networks_have_the_same_ablations(leaf, row, table, accuracy, changes):
    assert_changed(f'{row} | leaf', leaf, changes)


@pytest.mark.parametrize('data, pair, distance', DISTANCES)
def test_the_pair_of_domains_sets_the_distance(data, pair, distance, monkeypatch):
    monkeypatch.setenv('MMUDA_PAIR', pair)
    assert cluster_hook(read(f'acda_resnet50_{data}')).distance == distance


@pytest.mark.parametrize('row, table, accuracy, changes', ABLATIONS, ids=[row[0] for row in ABLATIONS])
def test_an_ablation_builds_what_it_says(row, table, accuracy, changes):
    pytest.importorskip('mmpretrain')
    leaf = 'acda_lenet_mnist2usps'
    term = build(read(leaf, options_of(f'{row} | leaf', leaf))).terms.acda
    assert (term.delta, term.condition, term.attention) == (
        changes.get('delta', 0.7),
        changes.get('condition', 'intra'),
        changes.get('attention', True),
    )
    assert len(term.target_projections) == len(term.source_projections) == (0 if term.delta == 0 else 2)


@pytest.mark.parametrize('row, convolutions', [('no layers, pooling', 1), ('1 layer', 2), ('m = all', 5)])
def test_a_projection_builds_as_its_row_says(row, convolutions):
    """The term alone: its convolutions, which are a reduction, layers and a shortcut."""
    with DefaultScope.overwrite_default_scope('mmuda'):
        options = options_of(f'{7 if row == "m = all" else 6} | {row} | ')
        term = MODELS.build(read(MAIN, options).model.terms.acda)
    m = 5 if row == 'm = all' else 3
    assert len(term.target_projections) == len(term.source_projections) == m
    for projection in (*term.target_projections, *term.source_projections):
        assert sum(module.weight.dim() == 4 for module in projection.modules() if hasattr(module, 'weight')) == (
            convolutions
        )


def test_fully_connected_layers_learn_ten_times_as_fast():
    """Facts of the released code: projections learn at the backbone's rate."""
    pytest.importorskip('mmpretrain')
    pytest.importorskip('torchvision')
    cfg = read(MAIN)
    model = build(cfg)
    with DefaultScope.overwrite_default_scope('mmuda'):
        optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {names[id(p)]: group['lr'] for group in optimizer.param_groups for p in group['params']}
    assert rates.keys() == set(names.values())
    fast = {name for name, rate in rates.items() if rate == pytest.approx(1e-2)}
    assert fast == {name for name in rates if name.startswith(('student.neck.', 'student.head.'))}
    assert {rates[name] for name in rates.keys() - fast} == {1e-3}
    shared = [{key: group[key] for key in ('momentum', 'nesterov', 'weight_decay')} for group in optimizer.param_groups]
    assert shared == [dict(momentum=0.9, nesterov=False, weight_decay=5e-4)] * len(shared)


def test_the_pages_list_what_exists():
    readme = (LEAVES / 'README.md').read_text()
    links = set(re.findall(r'\]\(([^):#]+)\)', readme))
    assert [link for link in links if not (LEAVES / link).exists()] == []
    leaves = {path.stem for path in LEAVES.glob('*.py')}
    assert {Path(link).stem for link in links if '/' not in link} == leaves
    assert metafile().keys() == leaves
    assert all(model['Config'] == f'configs/acda/{name}.py' for name, model in metafile().items())
