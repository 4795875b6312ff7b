"""From what authors publish to a score: download, converter, base config, doctor, two training steps, evaluation."""

import functools
import re

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from published_sets import CONFIGS, SETS, convert_published

from mmuda.apis import load_config, train
from mmuda.apis.doctor import find, read_roles, survey_roles
from mmuda.datasets import SampleIndex
from mmuda.datasets.prepared import prepared_sets
from mmuda.datasets.preparing import prepare
from mmuda.registry import DATASETS

CITY = set(range(19))
FIVE = {0, 2, 10, 11, 13}
DIGITS = set(range(10))
# Of each base config: the published sets behind it, images of source and target (lists: several sources), images that
# are scored, and the classes that sources and scored images show.
TASKS = {
    'gta2cityscapes_512x512': (['gta', 'cityscapes'], [2], 2, 1, FIVE, CITY),
    'synthia2cityscapes_512x512': (['synthia', 'cityscapes'], [2], 2, 1, FIVE, CITY),
    'gta2bdd100k_512x512': (['gta', 'bdd100k'], [2], 1, 1, FIVE, CITY),
    'gta2idd_512x512': (['gta', 'idd'], [2], 2, 2, FIVE, {0, 9, 10, 13}),
    'gta2mapillary_512x512': (['gta', 'mapillary'], [2], 1, 1, FIVE, {0, 1, 2, 13}),
    'cityscapes2acdc_512x512': (['cityscapes', 'acdc'], [2], 4, 4, CITY, CITY),
    'cityscapes2darkzurich_512x512': (['cityscapes', 'dark_zurich'], [2], 1, 1, CITY, CITY),
    'camvid_day2dusk_480x360': (['camvid'], [3], 2, 2, set(range(11)), set(range(11))),
    'camvid2iddlite_320x224': (['camvid', 'idd_lite'], [3], 1, 1, set(range(7)), set(range(7))),
    'loveda_512x512': (['loveda'], [1], 1, 1, set(range(7)), set(range(7))),
    'isprs_512x512': (['isprs'], [4], 4, 4, set(range(6)), set(range(6))),
    'office31': (['office31'], [31], 31, 31, set(range(31)), set(range(31))),
    'officehome': (['officehome'], [65], 65, 65, set(range(65)), set(range(65))),
    'imageclef_da': (['imageclef_da'], [12], 12, 12, set(range(12)), set(range(12))),
    'visda2017': (['visda2017'], [12], 12, 12, set(range(12)), set(range(12))),
    'pacs': (['pacs'], [7] * 3, 7, 7, set(range(7)), set(range(7))),
    'domainnet': (['domainnet'], [345] * 5, 345, 345, set(range(345)), set(range(345))),
    'digit_five': (['digit_five'], [10, 10, 10, 20], 10, 10, DIGITS, None),
    'svhn2mnist': (['digits'], [20], 20, 20, DIGITS, DIGITS),
    'cifar10_ssl': (['cifar10'], [40], 100, 20, DIGITS, DIGITS),
}
FAST = ['camvid2iddlite_320x224', 'svhn2mnist']


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    """A data root that holds a published set as soon as a test asks for it."""
    root = tmp_path_factory.mktemp('published')
    convert = functools.cache(lambda name: convert_published(name, root))

    def make(names):
        for name in names:
            convert(name)
        return root / 'data'

    return make


@pytest.fixture
def config(converted, monkeypatch):
    """A base config on the miniatures of its sets."""

    def make(name):
        monkeypatch.setenv('MMUDA_DATA', str(converted(TASKS[VARIANTS.get(name, name)][0])))
        cfg = load_config(CONFIGS / f'{name}.py')
        for part in innermost([cfg[f'{mode}_dataloader'].dataset for mode in ('train', 'val', 'test')]):
            if 'sample' in part:
                part.sample = 10  # of 20; published are 25,000 and 9,000
        return cfg

    return make


def innermost(part) -> list:
    """The configs of data sets inside wrappers and lists."""
    if isinstance(part, (list, tuple)):
        return [found for one in part for found in innermost(one)]
    inner = [part[key] for key in ('source', 'target', 'dataset', 'datasets') if part.get(key)]
    return [found for one in inner for found in innermost(one)] or [part]


@pytest.mark.parametrize('name', TASKS)
def test_the_doctor_finds_what_the_converters_made(config, name):
    """All of it, whole, with the classes that it shows, and no label of the target."""
    _, sources, target, scored, source_classes, scored_classes = TASKS[name]
    surveys = survey_roles(read_roles(config(name)), 1)
    assert [finding.text for finding in find(surveys) if finding.level == 'error'] == []
    assert [survey.role.size for survey in surveys] == [*sources, target, scored]
    shown = [set(survey.pixels) - ({255} if survey.maps else set()) for survey in surveys]
    assert set().union(*shown[: len(sources)]) == source_classes
    assert shown[-2] == set()
    assert scored_classes in (shown[-1], None)


VARIANTS = {
    'gta2cityscapes_1024x1024': 'gta2cityscapes_512x512',
    'synthia2cityscapes_1024x1024': 'synthia2cityscapes_512x512',
    'iddlite2camvid_320x224': 'camvid2iddlite_320x224',
    'officehome_two-views': 'officehome',
}
"""Base configs with other pipelines than the one whose data they read."""
ARRAYS = ('digit_five', 'svhn2mnist', 'cifar10_ssl')
PREPARED = ['gta2cityscapes_512x512', 'cityscapes2acdc_512x512', 'camvid2iddlite_320x224', 'loveda_512x512', 'pacs']


@pytest.mark.parametrize(
    'name',
    [
        name if name in PREPARED else pytest.param(name, marks=pytest.mark.slow)
        for name in (*TASKS, *VARIANTS)
        if name not in ARRAYS
    ],
)
def test_prepared_files_give_the_samples_of_the_originals(config, tmp_path, name):
    """To the pixel, images and labels, with all meta information; two images of each domain."""
    with DefaultScope.overwrite_default_scope('mmuda'):
        cfg = config(name).train_dataloader.dataset
        plain = DATASETS.build(cfg)
        assert prepare(prepared_sets(plain.datasets, str(tmp_path))) == []
        fast = DATASETS.build(dict(cfg, prepared=str(tmp_path)))
    for end in np.cumsum([len(part) for part in plain.datasets]):
        for number in range(max(end - 2, 0), end):
            index = SampleIndex(number, seed=number)
            assert_same_sample(fast[index], plain[index])


def assert_same_sample(found: dict, expected: dict) -> None:
    """Two packed samples, all of them."""
    assert torch.equal(found['inputs'], expected['inputs'])
    ours, theirs = dict(found['data_samples'].all_items()), dict(expected['data_samples'].all_items())
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        tensors = [getattr(one, 'data', one) for one in (ours[key], value)]
        same = torch.equal(*tensors) if isinstance(tensors[1], torch.Tensor) else tensors[0] == tensors[1]
        assert same, key


def test_conditions_of_acdc_are_one_variable(config, monkeypatch):
    monkeypatch.setenv('MMUDA_CONDITIONS', 'night-fog')
    cfg = config('cityscapes2acdc_512x512')
    for dataset, prefix in ((cfg.train_dataloader.dataset.target, 'train'), (cfg.val_dataloader.dataset, 'val')):
        paths = [part.data_prefix.img_path for part in dataset.datasets]
        assert paths == [f'rgb_anon/night/{prefix}', f'rgb_anon/fog/{prefix}']


def test_every_published_set_has_a_config():
    assert {name for task in TASKS.values() for name in task[0]} == set(SETS)


def test_no_base_config_is_left_out():
    """Those that are not here are variants, or of data that are made here or come in folders."""
    others = {path.stem for path in CONFIGS.glob('*.py')} - set(TASKS)
    made = r'toy_streets|(street_)?folders|classification_224|(mnist|usps|mnist-usps)2(mnist|usps|mnistm)'
    others_of = 'svhn2mnist|office(31|home|_caltech10)|camvid_day2dusk|iddlite2camvid|gta2cityscapes|synthia2cityscapes'
    variants = rf'({made}|{others_of})(_28)?(_two-views|_multi|_192x144|_320x224|_1024x1024|_1120x1120)?'
    assert [name for name in sorted(others) if not re.fullmatch(variants, name)] == []


@pytest.mark.parametrize(
    'name', [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in TASKS]
)
def test_two_steps_and_a_score(config, tiny_student, tmp_path, name):
    cfg = config(name)
    classes = DATASETS.build(cfg.val_dataloader.dataset).metainfo['classes']
    is_segmentation = cfg.val_evaluator.type == 'mmuda.SegmentationMetric'
    student = tiny_segmentor(tiny_student) if is_segmentation else tiny_classifier()
    student['decode_head' if is_segmentation else 'head']['num_classes'] = len(classes)
    number = len(TASKS[name][1])
    loader = cfg.train_dataloader
    loader.sampler.ratio = (1,) * (number + 1)
    each = 1 if is_segmentation else 2  # an image of digits has one value a channel, too few for a batch norm
    loader.batch_size = each * (number + 1)
    if 'min_pixels' in loader.sampler:
        loader.sampler.min_pixels = loader.dataset.rare_class_min_pixels = 1
    for one in (loader, cfg.val_dataloader, cfg.test_dataloader):
        one.update(num_workers=0, persistent_workers=False)
    task = 'segmentation' if is_segmentation else 'classification'
    cfg.model = dict(type='UDAModel', task=task, student=student)
    cfg.merge_from_dict(load_config(CONFIGS.parent / 'schedules' / 'adamw_4k_poly.py').to_dict())
    cfg.merge_from_dict(load_config(CONFIGS.parent / 'default_runtime.py').to_dict())
    cfg.train_cfg.update(max_iters=2, val_interval=2)
    cfg.param_scheduler = []
    cfg.work_dir = str(tmp_path)
    runner = train(cfg)
    assert runner.iter == 2
    score = runner.message_hub.get_scalar('val/mIoU' if is_segmentation else 'val/accuracy').current()
    assert 0 <= score <= 100


def tiny_segmentor(tiny_student) -> dict:
    """The tests' segmentor for images of any size."""
    student = tiny_student()
    student['data_preprocessor'].update(size=None, size_divisor=32)
    return student


def tiny_classifier() -> dict:
    """A ResNet-18 of an eighth of the width."""
    return dict(
        _scope_='mmpretrain',
        type='ImageClassifier',
        data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
        backbone=dict(type='ResNet', depth=18, base_channels=8, stem_channels=8, norm_cfg=dict(type='BN')),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', in_channels=64, loss=dict(type='CrossEntropyLoss')),
    )
