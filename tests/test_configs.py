"""Every leaf loads, says what it is, has what its runner needs, and builds."""

import copy
import functools
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope, Registry

from mmuda import registry
from mmuda.apis import enable_tta, load_config
from mmuda.apis.config import SETTINGS
from mmuda.apis.preflight import check_config, check_schedule
from mmuda.models.uda.methods import join_methods
from mmuda.registry import DATASETS, MODELS

REPO = Path(__file__).resolve().parents[1]
BASES = REPO / 'configs' / '_base_'
LEAVES = sorted(path.relative_to(REPO) for path in REPO.glob('configs/[!_]*/*.py'))
STCT = [path for path in LEAVES if path.parent.name == 'stct']
ADVERSARIAL = [path for path in LEAVES if path.parent.name in ('dann', 'cdan', 'mdd')]
DISCREPANCY = [path for path in LEAVES if path.parent.name in ('dan', 'jan', 'mcd')]
TWINS = dict(gta2cs='daformer_mit-b5_gta2cs', synthia2cs='daformer_mit-b5_synthia2cs')
OWN_PRETRAINING = 'source-only_segformer_mit-b0_camvid-day2dusk-192x144'  # from random weights: longer, distorted
NETWORKS = [path for path in LEAVES if not re.search(r'mit-b5|synthia|^gta2cs$', path.stem)]
OWN_TYPES = frozenset(
    name
    for kinds in vars(registry).values()
    if isinstance(kinds, Registry) and kinds.scope == 'mmuda'
    for name in (kinds.import_from_location(), *kinds.module_dict)
    if kinds is not registry.TASKS
)
REQUIRED = {
    'default_scope',
    'env_cfg',
    'default_hooks',
    'log_processor',
    'randomness',
    'model',
    'optim_wrapper',
    'param_scheduler',
    'runner_type',
    *(f'{mode}_{part}' for mode in ('train', 'val', 'test') for part in ('dataloader', 'cfg')),
    'val_evaluator',
    'test_evaluator',
}
BASE_KEYS = {
    'models': {'model'},
    'methods': None,  # one key each
    'schedules': {'optim_wrapper', 'param_scheduler', 'train_cfg', 'val_cfg', 'test_cfg', 'auto_scale_lr'},
}


@functools.cache
def cached(leaf: Path) -> Config:
    return load_config(REPO / leaf)


def read(leaf: Path) -> Config:
    """A copy, so that a test may change it."""
    return copy.deepcopy(cached(leaf))


def build(cfg: Config):
    """The leaf's model, without weights from files."""

    def forget(node):
        if isinstance(node, dict):
            node.pop('init_cfg', None)
            if node.get('pretrained'):
                node['pretrained'] = False
            for value in node.values():
                forget(value)

    forget(cfg.model)
    with DefaultScope.overwrite_default_scope('mmuda'):
        return MODELS.build(cfg.model)


def joined_sets(dataset) -> list:
    """The parts of a `ConcatDataset`, or the data set alone."""
    return dataset.datasets if dataset.type == 'ConcatDataset' else [dataset]


def count_classes(cfg: Config) -> int:
    (dataset, *_) = joined_sets(cfg.test_dataloader.dataset)
    class_map = dataset.get('class_map')
    if isinstance(class_map, dict):
        return len(class_map['classes'])
    return len((DATASETS.get(dataset.type).METAINFO | dataset.get('metainfo', {}))['classes'])


def without_hybrid_attention(student) -> dict:
    """The student as it is with plain attention; the two have the same weights."""
    student = student.to_dict()
    if student['backbone']['type'] == 'mmuda.MHAMixVisionTransformer':
        student['backbone']['type'] = 'mmuda.MixVisionTransformer'
        for key in ('mha_stages', 'direction', 'strategy', 'num_scattered'):
            student['backbone'].pop(key, None)
    return student


@pytest.mark.parametrize('leaf', LEAVES, ids=str)
def test_a_leaf_has_all_that_a_run_needs(leaf):
    cfg = read(leaf)
    assert set(cfg) >= REQUIRED
    check_schedule(cfg)
    check_config(cfg, 'train')
    check_config(cfg, 'test')


@pytest.mark.parametrize('leaf', LEAVES, ids=str)
def test_a_leaf_is_short_and_says_its_command(leaf):
    text = (REPO / leaf).read_text()
    assert len(text.splitlines()) <= 35
    assert re.search(rf'^#     (python tools/train\.py|tools/dist_train\.sh) {leaf}( \d+)?$', text, re.MULTILINE)
    assert len([line for line in text.splitlines() if line and not line.startswith('#')]) <= 25


@pytest.mark.parametrize('leaf', LEAVES, ids=str)
def test_a_leaf_never_reads_target_labels(leaf):
    dataset = read(leaf).train_dataloader.dataset
    assert dataset.type == 'mmuda.DomainDataset'
    if leaf.parent.name == 'source_only':
        assert dataset.target is None
    elif 'labelled' in dataset.target:
        assert dataset.target.labelled is False
    else:
        assert not any('seg_map_path' in part.data_prefix for part in joined_sets(dataset.target))


@pytest.mark.parametrize('leaf', LEAVES, ids=str)
def test_types_of_ours_carry_their_scope(leaf):
    """So that a host's tool finds them in whatever scope it looks."""
    bare = {kind for kind in _types(read(leaf).to_dict()) if kind in OWN_TYPES}
    assert not bare, f'write mmuda.{min(bare)}'


def _types(node) -> Iterator[str]:
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        yield from _types(value)
    if isinstance(node, dict) and isinstance(node.get('type'), str):
        yield node['type']


@pytest.mark.parametrize('leaf', LEAVES, ids=str)
def test_a_leaf_of_segmentation_has_its_views_and_chooses_without_labels(leaf):
    cfg = read(leaf)
    plain = joined_sets(cfg.test_dataloader.dataset)[0].pipeline
    if not plain[-1].type.endswith('PackSegInputs'):
        return
    assert cfg.default_hooks.checkpoint.save_best == 'mmuda/mutual_information'
    enable_tta(cfg)
    load, views = joined_sets(cfg.test_dataloader.dataset)[-1].pipeline
    sizes, flips, labels, pack = views['transforms']
    assert load.type == 'mmuda.LoadImage'
    assert [len(sizes), len(flips), len(labels), len(pack)] == [6, 2, 1, 1]
    assert (labels[0].type, pack[0].type) == ('mmuda.LoadLabel', 'mmseg.PackSegInputs')
    resize = next((step for step in plain if step.type == 'Resize'), dict(scale_factor=(1.0, 1.0)))
    key = 'scale' if 'scale' in resize else 'scale_factor'
    assert tuple(sizes[2][key]) == tuple(resize[key])
    assert sizes[4][key] == pytest.approx([3 * side for side in sizes[0][key]], abs=2 if key == 'scale' else 0)
    assert cfg.model.type == 'mmuda.ScoreSumTTA'


@pytest.mark.parametrize('leaf', STCT, ids=str)
def test_a_leaf_of_stct_trains_the_network_of_its_twin(leaf):
    """Same student, same test data, same schedule: what differs is the method."""
    twin = f'source-only_{TWINS.get(leaf.stem, leaf.stem.partition("_")[2])}'
    source_only = read(Path(f'configs/source_only/{twin}.py'))
    adapted = read(leaf)
    assert without_hybrid_attention(adapted.model.student) == source_only.model.to_dict()
    assert adapted.test_dataloader == source_only.test_dataloader
    here, there = (cfg.train_dataloader.dataset.source for cfg in (adapted, source_only))
    if twin == OWN_PRETRAINING:
        there.pipeline = here.pipeline
    else:
        assert adapted.train_cfg == source_only.train_cfg
    assert here == there


@pytest.mark.parametrize('leaf', ADVERSARIAL, ids=str)
def test_an_adversarial_leaf_trains_the_network_of_its_twin(leaf):
    """What differs is the method, whose terms fit the student."""
    method, _, setting = leaf.stem.partition('_')
    source_only = read(Path(f'configs/source_only/source-only_{setting}.py'))
    adapted = read(leaf)
    assert adapted.model.student.to_dict() == source_only.model.to_dict()
    for key in ('test_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert adapted[key] == source_only[key]
    here, there = adapted.train_dataloader, source_only.train_dataloader
    assert here.dataset.source == there.dataset.source
    assert here.batch_size == 2 * there.batch_size
    ((name, term),) = adapted.model.terms.items()
    assert name == method
    assert term.in_channels == adapted.model.student.head.in_channels


@pytest.mark.parametrize('leaf', DISCREPANCY, ids=str)
def test_a_discrepancy_leaf_trains_the_network_of_its_twin(leaf):
    """What differs is the method: terms, and for MCD a second classifier. VisDA-2017 has ResNet-101."""
    method, _, setting = leaf.stem.partition('_')
    source_only = read(Path(f'configs/source_only/source-only_{setting.replace("resnet101", "resnet50")}.py'))
    adapted = read(leaf)
    student, network = adapted.model.student.to_dict(), source_only.model.to_dict()
    if leaf.parent.name == 'mcd':
        assert student['head'].pop('type') == 'mmuda.TwoClassifierHead'
        student['head'] = student['head'].pop('classifier')
    if 'resnet101' in setting:
        network['backbone'].update(depth=101)
        network['backbone']['init_cfg'].update(checkpoint='torchvision://resnet101')
    assert student == network
    for key in ('test_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
        assert adapted[key] == source_only[key]
    here, there = adapted.train_dataloader, source_only.train_dataloader
    assert here.dataset.source == there.dataset.source
    assert here.batch_size == 2 * there.batch_size
    if method == 'mcd':
        assert (adapted.model.type, adapted.model.num_generator_steps) == ('mmuda.MCDUDA', 4)
    else:
        ((name, term),) = adapted.model.terms.items()
        assert (name, term.type) == (method.removesuffix('-grl'), f'mmuda.{name.upper()}')
        assert term.get('tap', *term.get('taps', [])) == ('neck' if student['neck'] else 'backbone')


@pytest.mark.parametrize('leaf', LEAVES, ids=str)
def test_a_leaf_has_the_number_of_classes_from_its_data(leaf):
    """Said once: by the data's config; heads and terms follow."""
    text = (REPO / leaf).read_text()
    assert not re.search(r'num_classes\s*=\s*\d', text)
    if '_base_ = [' in text:
        assert '_base_.num_classes' in text


@pytest.mark.parametrize('leaf', NETWORKS, ids=str)
def test_a_small_leaf_builds(leaf):
    if 'efficientnet' in leaf.name:
        pytest.importorskip('timm')
    model = build(read(leaf))
    network = getattr(model, 'student', model)
    head = network.decode_head if hasattr(network, 'decode_head') else network.head
    assert head.num_classes == count_classes(read(leaf))


@pytest.mark.slow
@pytest.mark.parametrize('leaf', ['configs/stct/gta2cs.py', 'configs/stct/synthia2cs.py'])
def test_the_benchmarks_build(leaf):
    model = build(read(Path(leaf)))
    assert sum(p.numel() for p in model.student.parameters()) > 80e6


DATA_BASES = sorted(path.stem for path in (BASES / 'datasets').glob('*.py') if path.stem != 'classification_224')


@pytest.mark.parametrize('data', DATA_BASES)
def test_a_data_config_counts_its_classes(data):
    cfg = Config.fromfile(BASES / 'datasets' / f'{data}.py')
    assert cfg.num_classes == count_classes(cfg)


@pytest.mark.parametrize(
    'data, variable, value, sizes',
    [
        ('gta2cityscapes_512x512', 'crop_size', (1024, 1024), {(2560, 1440), (2048, 1024), (1024, 1024)}),
        ('cityscapes2acdc_512x512', 'crop_size', (256, 256), {(512, 256), (480, 270), (256, 256)}),
        ('camvid_day2dusk_192x144', 'crop_size', (72, 96), {(96, 72), (72, 96)}),
        ('toy_streets', 'crop_size', (48, 80), {(80, 48), (48, 80)}),
        ('office31', 'size', 112, {(128, 128), 112}),
        ('pacs', 'view_size', 112, {(112, 112), 8}),
        ('cifar10_ssl', 'size', 64, {64, 32}),
    ],
)
def test_the_size_of_images_is_one_variable(tmp_path, data, variable, value, sizes):
    (tmp_path / 'leaf.py').write_text(f"_base_ = '{BASES}/datasets/{data}.py'")
    cfg = load_config(tmp_path / 'leaf.py', {variable: value})
    found = set(_sizes(cfg.to_dict()))
    assert found == sizes


def _sizes(node) -> Iterator:
    """What resizes, crops and squares are told."""
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        yield from _sizes(value)
    if isinstance(node, dict) and 'Translation' not in str(node.get('type')):
        yield from (node[key] for key in ('scale', 'crop_size', 'length') if key in node)


@pytest.mark.parametrize('kind', BASE_KEYS)
def test_bases_keep_to_their_keys(kind):
    """Two bases may not share a key: that is what lets a leaf join any model with any method."""
    for path in (BASES / kind).glob('*.py'):
        cfg = Config.fromfile(path)
        settings = {key for key in cfg if key in SETTINGS}
        if BASE_KEYS[kind]:
            assert settings == BASE_KEYS[kind] or path.stem == 'mit', path
        else:
            assert not settings, path
            assert len([key for key, value in cfg.items() if isinstance(value, dict)]) == 1, path


def test_data_bases_are_interchangeable():
    keys = [
        {key for key in Config.fromfile(path) if 'dataloader' in key or 'evaluator' in key}
        for path in (BASES / 'datasets').glob('*.py')
    ]
    assert keys == [
        {f'{mode}_dataloader' for mode in ('train', 'val', 'test')} | {'val_evaluator', 'test_evaluator'}
    ] * len(keys)


def test_the_data_root_comes_from_the_environment(monkeypatch):
    monkeypatch.setenv('MMUDA_DATA', '/elsewhere')
    dataset = load_config(REPO / 'configs/stct/gta2cs.py').train_dataloader.dataset
    assert dataset.source.data_root == '/elsewhere/gta'
    assert dataset.target.data_root == '/elsewhere/cityscapes'
    monkeypatch.delenv('MMUDA_DATA')
    dataset = load_config(REPO / 'configs/stct/gta2cs.py').train_dataloader.dataset
    assert dataset.source.data_root == 'data/gta'


def test_a_pair_of_domains_is_one_variable(monkeypatch):
    monkeypatch.setenv('MMUDA_PAIR', 'dslr-amazon')
    cfg = load_config(REPO / 'configs/dann/dann_mobilenet-v2_office-caltech10.py')
    parts = cfg.train_dataloader.dataset
    assert [part.data_prefix.img_path for part in (parts.source, parts.target, cfg.test_dataloader.dataset)] == [
        'dslr',
        'amazon',
        'amazon',
    ]


@pytest.mark.parametrize('pair', ['usps2mnist', 'mnist2mnistm'])
def test_digits_do_not_leak(pair):
    """Training and test images of one archive do not meet, nor source and target of archives that show the same."""
    cfg = Config.fromfile(BASES / 'datasets' / f'{pair}.py')
    parts = [*cfg.train_dataloader.dataset.values(), cfg.test_dataloader.dataset]
    spans = sorted(tuple(part.span) for part in parts if isinstance(part, dict) and 'span' in part)
    assert len(spans) == (3 if pair == 'mnist2mnistm' else 2)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_the_official_schedule_of_adversarial_adaptation():
    """Facts of TransNorm's released code."""
    from mmuda.registry import OPTIM_WRAPPER_CONSTRUCTORS

    cfg = read(Path('configs/dann/dann_mobilenet-v2_office-caltech10.py'))
    (schedule,) = cfg.param_scheduler
    assert (schedule.alpha / cfg.train_cfg.max_iters, schedule.beta) == (0.001, 0.75)
    model, options = build(cfg), cfg.optim_wrapper.to_dict()
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type=options.pop('constructor'), paramwise_cfg=options.pop('paramwise_cfg'), optim_wrapper_cfg=options)
    )
    groups = {id(p): group for group in constructor(model).optimizer.param_groups for p in group['params']}
    for name, parameter in model.named_parameters():
        rate = 0.001 if name.startswith('student.backbone.') else 0.01
        group = groups[id(parameter)]
        assert (group['lr'], group['weight_decay']) == (pytest.approx(rate), 0.001), name
        assert group['momentum'] == 0.9
        assert group['nesterov']


def test_the_paper_s_settings():
    """Facts of the paper and of DAFormer, which STCT builds on."""
    cfg = read(Path('configs/stct/gta2cs.py'))
    weight = join_methods(cfg.model.methods, {})['terms']['target']['weight']
    assert (weight['alpha'], weight['horizon'], weight['reduction']) == (2e-4, cfg.train_cfg.max_iters, 'image')
    assert cfg.train_cfg.max_iters == 40000
    assert cfg.train_dataloader.batch_size == 4
    assert tuple(cfg.train_dataloader.sampler.ratio) == (1, 1)
    assert (cfg.train_dataloader.sampler.temperature, cfg.train_dataloader.sampler.min_pixels) == (0.01, 3000)
    assert cfg.optim_wrapper.optimizer.to_dict().items() >= dict(lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01).items()
    schedule = cfg.param_scheduler
    assert (schedule.start_factor, schedule.warmup * cfg.train_cfg.max_iters, schedule.power) == (1e-6, 1500, 1.0)


@pytest.mark.parametrize(
    'leaf',
    ['configs/source_only/source-only_segformer_mit-b0_gta2cs.py', 'configs/stct/stct_segformer_mit-b0_gta2cs.py'],
)
def test_optimizer_rules_reach_plain_and_wrapped_networks(leaf):
    from mmuda.registry import OPTIM_WRAPPER_CONSTRUCTORS

    cfg = read(Path(leaf))
    model = build(cfg)
    options = cfg.optim_wrapper.to_dict()
    constructor = OPTIM_WRAPPER_CONSTRUCTORS.build(
        dict(type=options.pop('constructor'), paramwise_cfg=options.pop('paramwise_cfg'), optim_wrapper_cfg=options)
    )
    groups = {id(p): group for group in constructor(model).optimizer.param_groups for p in group['params']}
    network = dict(getattr(model, 'student', model).named_parameters())
    assert len(groups) == len(network)
    for name, rate, decay in [
        ('backbone.layers.0.0.projection.weight', 6e-5, 0.01),
        ('backbone.layers.0.1.0.norm1.weight', 6e-5, 0.0),
        ('decode_head.conv_seg.weight', 6e-4, 0.01),
    ]:
        group = groups[id(network[name])]
        assert (group['lr'], group['weight_decay']) == (pytest.approx(rate), decay), name


def test_the_readme_s_own_cameras(tmp_path):
    """The snippet of the README is a config; only its base is looked for in the checkout."""
    snippet = re.search(r"```python\n(_base_ = '\./.*?)```", (REPO / 'README.md').read_text(), re.DOTALL)[1]
    path = tmp_path / 'mine.py'
    path.write_text(snippet.replace("'./stct_", f"'{REPO}/configs/stct/stct_"))
    cfg = load_config(path)
    dataset = cfg.train_dataloader.dataset
    assert dataset.source.data_prefix.to_dict() == dict(img_path='old/images', seg_map_path='old/labels')
    assert dataset.target.data_prefix.to_dict() == dict(img_path='new/images')
    assert cfg.val_dataloader.dataset.class_map == 'classes.json'
    assert build(cfg).student.decode_head.num_classes == 5
