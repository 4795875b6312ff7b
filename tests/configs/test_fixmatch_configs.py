"""FixMatch's configs: every data config joins, targets are one variable, and the settings are the published ones."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmuda.apis import load_config
from mmuda.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS

REPO = Path(__file__).resolve().parents[2]
LEAVES = sorted((REPO / 'configs' / 'dida').glob('fixmatch_*.py'))
DATA = {
    'cifar10_ssl': (512, (1, 7)),
    'digit_five': (320, (64,) * 5),
    'domainnet': (36, (6,) * 6),
    'mnist-usps2mnistm_28_two-views': (192, (64,) * 3),
    'mnist-usps2mnistm_two-views': (192, (64,) * 3),
    'mnist2mnistm_28_two-views': (256, (1, 1)),
    'mnist2mnistm_two-views': (256, (1, 1)),
    'mnist2usps_two-views': (256, (1, 1)),
    'office_caltech10_multi': (64, (16,) * 4),
    'officehome_two-views': (64, (1, 1)),
    'pacs': (64, (16,) * 4),
    'svhn2mnist_two-views': (256, (1, 1)),
    'usps2mnist_two-views': (256, (1, 1)),
}
SCALED = {name for name in DATA if 'usps_' in name or 'usps2mnist_' in name or '_28_' in name}
DOMAINS = dict(
    digit_five=('mnist', 'mnist_m', 'svhn', 'syn', 'usps'),
    domainnet=('clipart', 'infograph', 'painting', 'quickdraw', 'real', 'sketch'),
    office_caltech10_multi=('amazon', 'caltech10', 'dslr', 'webcam'),
    pacs=('art_painting', 'cartoon', 'photo', 'sketch'),
)


@pytest.fixture
def join(tmp_path):
    """A leaf of any data set and schedule; the name check refuses settings that nothing reads."""

    def make(data, schedule='sgd_30e_cosine', method='fixmatch', model='resnet18'):
        leaf = tmp_path / 'leaf.py'
        folders = dict(models=model, datasets=data, methods=method, schedules=schedule)
        bases = [f'{REPO}/configs/_base_/{folder}/{name}.py' for folder, name in folders.items()]
        leaf.write_text(
            f'_base_ = {[*bases, f"{REPO}/configs/_base_/default_runtime.py"]}\n'
            "model = dict(_delete_=True, type='UDAModel', task='classification', student=_base_.model, "
            f'**_base_.{method})\n'
        )
        return load_config(leaf)

    return make


def parts(dataset):
    source = dataset.source if isinstance(dataset.source, (list, tuple)) else [dataset.source]
    return [part.get('dataset', part) for part in source], dataset.target


def views(part):
    return [step for step in part.pipeline if step['type'] == 'mmuda.TwoViews']


@pytest.mark.parametrize('data', DATA)
def test_every_data_config_joins_and_only_the_target_has_two_views(join, data):
    cfg = join(data)
    loader = cfg.train_dataloader
    size, ratio = DATA[data]
    assert (loader.batch_size, tuple(loader.sampler.ratio)) == (size, ratio)
    assert size % sum(ratio) == 0
    sources, target = parts(loader.dataset)
    assert len(ratio) - 1 == len(sources)
    assert loader.sampler.get('epoch', 'all') == ('all' if data == 'cifar10_ssl' else 'source')
    assert not any(views(part) for part in sources)
    (two,) = views(target)
    assert target.labelled is False
    steps = [step['type'] for step in two.strong]
    flips = ['RandomFlip'] * ('digit' not in data and 'mnist' not in data)
    scales = ['mmuda.RandomScaleShift'] * (data in SCALED)
    assert steps == [*flips, *scales, 'mmuda.RandAugmentFixMatch', 'mmuda.Cutout']
    weak = [step['type'] for part in sources for step in part.pipeline]
    assert ('RandomFlip' in weak, 'mmuda.RandomScaleShift' in weak) == (bool(flips), bool(scales))
    assert not views(cfg.test_dataloader.dataset)
    assert 'RandomFlip' not in [step['type'] for step in cfg.test_dataloader.dataset.pipeline]


@pytest.mark.parametrize('data, target', [(data, name) for data, names in DOMAINS.items() for name in names])
def test_every_domain_can_be_the_target(join, data, target, monkeypatch):
    monkeypatch.setenv('MMUDA_TARGET', target)
    cfg = join(data)
    sources, target_set = parts(cfg.train_dataloader.dataset)

    def domain(part):
        name = part.get('ann_file') or part.data_prefix.img_path
        return re.sub(r'(_(train|test)(_kfold)?)?(\.txt|\.npz)?$', '', name.split('/')[-1])

    assert sorted(map(domain, sources)) == [name for name in DOMAINS[data] if name != target]
    assert domain(target_set) == domain(cfg.test_dataloader.dataset) == target


def test_draws_are_one_variable(join, monkeypatch):
    monkeypatch.setenv('MMUDA_DRAW', '3')
    monkeypatch.setenv('MMUDA_PER_CLASS', '25')
    sources, target = parts(join('digit_five').train_dataloader.dataset)
    assert {part.seed for part in [*sources, target]} == {3}
    assert [part.get('sample') for part in sources] == [25000, 25000, 25000, None]
    assert join('digit_five').test_dataloader.dataset.sample == 9000
    assert join('digit_five').train_dataloader.dataset.source[-1].times == 3
    labelled = join('cifar10_ssl').train_dataloader.dataset.source
    assert (labelled.per_class, labelled.seed) == (25, 3)
    assert 'per_class' not in join('cifar10_ssl').train_dataloader.dataset.target


def test_two_sources_do_not_leak(join):
    cfg = join('mnist-usps2mnistm_two-views')
    sources, target = parts(cfg.train_dataloader.dataset)
    spans = sorted(tuple(part.span) for part in [*sources, target, cfg.test_dataloader.dataset] if 'span' in part)
    assert len(spans) == 3
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


@pytest.mark.parametrize('leaf', LEAVES, ids=lambda leaf: leaf.stem)
def test_sources_have_two_views_where_the_method_wants_them(leaf):
    cfg = load_config(leaf)
    sources, _ = parts(cfg.train_dataloader.dataset)
    official = leaf.stem.endswith('_official')
    include_source = official or leaf.stem.endswith('_include-source')
    assert all(len(views(part)) == include_source for part in sources)
    assert cfg.model.labeller.include_source is include_source
    assert cfg.model.views.keys() == {'target', *(['unlabelled'] if include_source else [])}
    assert ('passes' in cfg.model) is official
    assert cfg.model.labeller.noise is official


@pytest.mark.parametrize(
    'schedule, kind, rate, new, length',
    [
        ('adam_4k_cosine', 'Adam', 2e-4, 2e-4, dict(max_iters=4000)),
        ('adam_100e_cosine_x10', 'Adam', 5e-5, 5e-4, dict(max_epochs=100)),
        ('sgd_100e_cosine_x10', 'SGD', 1e-3, 1e-2, dict(max_epochs=100)),
        ('sgd_40e_cosine_x10', 'SGD', 2e-3, 2e-2, dict(max_epochs=40)),
        ('sgd_30e_cosine', 'SGD', 0.05, 0.05, dict(max_epochs=30)),
        ('sgd_277k_cosine', 'SGD', 0.05, 0.05, dict(max_iters=277500)),
    ],
)
def test_the_published_schedules(join, schedule, kind, rate, new, length):
    """Rates of the backbone and of what starts from random weights, decay everywhere, a cosine by epoch."""
    cfg = join('pacs', schedule)
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model)
    options = cfg.optim_wrapper.to_dict()
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(
            type=options.pop('constructor'), paramwise_cfg=options.pop('paramwise_cfg', None), optim_wrapper_cfg=options
        )
    )
    optimizer = constructor(model).optimizer
    assert type(optimizer).__name__ == kind
    groups = {id(p): group for group in optimizer.param_groups for p in group['params']}
    for name, parameter in model.named_parameters():
        group = groups[id(parameter)]
        assert group['lr'] == pytest.approx(new if '.head.' in name else rate), name
        assert group['weight_decay'] == 5e-4
        assert group['betas'] == (0.9, 0.99) if kind == 'Adam' else group['momentum'] == 0.9
    assert {key: cfg.train_cfg.get(key) for key in ('max_iters', 'max_epochs') if cfg.train_cfg.get(key)} == length
    (cosine,) = cfg.param_scheduler
    assert (cosine.type, cosine.by_epoch) == ('mmuda.EpochCosineLR', False)
    assert cosine.epochs == length.get('max_epochs', dict(adam_4k_cosine=50).get(schedule, 2500))


def test_the_published_method(join):
    for method in ('fixmatch', 'fixmatch_official'):
        model = join('pacs', method=method).model
        labeller = model.labeller
        assert (labeller.threshold, labeller.weighting, labeller.norm) == (0.95, 'threshold', 'train')
        assert model.terms.target.loss_weight == 1.0
