"""The training set's classes are those of validation, test, model and checkpoint, over all kinds of data sets."""

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset
from PIL import Image
from torch import nn

from mmuda import compat
from mmuda.apis import UserError
from mmuda.apis.class_check import ClassCheckHook
from mmuda.apis.shared_classes import checkpoint_classes, share_classes
from mmuda.datasets import DataError, DomainDataset, FolderClassification
from mmuda.registry import DATASETS, METRICS

compat.apply()

CLASSES = ['bike', 'lamp', 'mug']


@pytest.fixture
def write(tmp_path):
    """`write('val', bike=2, mug=1)`: a folder a class; `write('day', labels=[[0, 1], [2]])`: images and label maps."""

    def folder(name, labels=None, **counts):
        for kind, count in counts.items():
            (tmp_path / name / kind).mkdir(parents=True)
            for i in range(count):
                Image.new('RGB', (4, 4)).save(tmp_path / name / kind / f'{i}.png')
        for i, values in enumerate(labels or ()):
            for kind in ('images', 'labels'):
                (tmp_path / name / kind).mkdir(parents=True, exist_ok=True)
            pixels = np.resize(np.array(values, np.uint8), (4, 6))
            Image.fromarray(pixels).save(tmp_path / name / 'labels' / f'{i}.png')
            Image.fromarray(np.stack([pixels] * 3, -1)).save(tmp_path / name / 'images' / f'{i}.png')
        return tmp_path / name

    return folder


def by_folder(path, **options):
    # unserialised: mmengine collects garbage after it has serialised
    return dict(type='mmuda.FolderClassification', data_root=str(path), serialize_data=False, **options)


def by_pixel(path, **options):
    prefix = dict(img_path='images', seg_map_path='labels')
    cfg = dict(type='mmuda.FolderSegmentation', data_root=str(path), data_prefix=prefix, serialize_data=False)
    return cfg | options


def run(train=None, val=None, test=None, heads=None, classes=None):
    """The hook's verdict on built sets and a model of one head."""
    model = nn.ModuleDict(dict(head=nn.Identity()))
    model.head.num_classes = heads
    loops = {
        f'_{mode}_loop': part and SimpleNamespace(dataloader=SimpleNamespace(dataset=DATASETS.build(part)))
        for mode, part in (('train', train), ('val', val), ('test', test))
    }
    ClassCheckHook(classes).before_run(SimpleNamespace(model=model, **loops))


@pytest.fixture
def told(monkeypatch):
    """What was logged: (level, text)."""
    lines = []
    monkeypatch.setattr(
        'mmuda.apis.label_check.print_log', lambda text, logger=None, level=logging.INFO: lines.append((level, text))
    )
    return lines


# ---- folders of classes ----


def config(train, val, **options):
    return Config(
        dict(
            train_dataloader=dict(dataset=dict(type='mmuda.DomainDataset', source=by_folder(train, **options))),
            val_dataloader=dict(dataset=by_folder(val)),
            test_dataloader=dict(dataset=dict(type='ConcatDataset', datasets=[by_folder(val)])),
        )
    )


@pytest.mark.parametrize('named', [True, False])
def test_validation_folders_take_the_numbers_of_training(write, named):
    """Without the class `lamp`, `mug` would be number 1 and every right answer wrong."""
    train = write('train', bike=1, lamp=1, mug=1, **{'.ipynb_checkpoints': 1})
    cfg = config(train, write('val', bike=1, mug=2), **dict(metainfo=dict(classes=CLASSES)) if named else {})
    share_classes(cfg)
    for part in (cfg.val_dataloader.dataset, cfg.test_dataloader.dataset):
        dataset = DATASETS.build(part)
        assert list(dataset.metainfo['classes']) == CLASSES
        assert [dataset.get_data_info(i)['gt_label'] for i in range(3)] == [0, 2, 2]
    run(cfg.train_dataloader.dataset, cfg.val_dataloader.dataset, cfg.test_dataloader.dataset, heads=3)


def test_a_checkpoints_classes_come_first(write, tmp_path):
    cfg = config(write('train', bike=1, mug=1), write('val', bike=1, mug=2))
    torch.save(dict(meta=dict(dataset_meta=dict(classes=tuple(CLASSES))), state_dict={}), tmp_path / 'a.pth')
    share_classes(cfg, checkpoint_classes(tmp_path / 'a.pth'))
    assert cfg.val_dataloader.dataset.metainfo.classes == CLASSES
    torch.save(dict(state_dict={}), tmp_path / 'bare.pth')
    assert checkpoint_classes(tmp_path / 'bare.pth') is None
    assert checkpoint_classes('https://example.org/a.pth') is None


def test_without_the_training_folders_the_way_out_is_named(write, tmp_path):
    cfg = config(tmp_path / 'gone', write('val', bike=1))
    with pytest.raises(UserError, match=r"gone' does not exist.* not where it has `metainfo\.classes`"):
        share_classes(cfg)
    cfg.val_dataloader.dataset.metainfo = cfg.test_dataloader.dataset.datasets[0].metainfo = dict(classes=['bike'])
    share_classes(cfg)


def test_a_class_may_lack_a_folder_but_not_every_class(write):
    folder = write('val', bike=1, mug=2, extra=1)
    dataset = FolderClassification(data_root=str(folder), metainfo=dict(classes=CLASSES))
    assert [dataset.get_data_info(i)['gt_label'] for i in range(len(dataset))] == [0, 2, 2]
    with pytest.raises(DataError, match=r'None of the 1 classes \(pen, \.\.\.\) has a folder'):
        FolderClassification(data_root=str(folder), metainfo=dict(classes=['pen']))


# ---- class lists ----

OTHER = [
    (['lamp', 'bike', 'mug'], "order: class 0 is 'bike' in the train set and 'lamp' in the {} set"),
    (['bike', 'mug'], "'lamp' only in the train set, nothing only in the {} set \\(3 and 2 classes\\)"),
    ([*CLASSES, 'pen'], "nothing only in the train set, 'pen' only in the {} set \\(3 and 4 classes\\)"),
]


@pytest.mark.parametrize('mode', ['val', 'test'])
@pytest.mark.parametrize('classes, text', OTHER)
@pytest.mark.parametrize('given', ['metainfo', 'class_map', 'folders'])
def test_another_class_list_is_refused(write, mode, classes, text, given):
    if given == 'folders':
        path = write('data', bike=1, lamp=1, mug=1, pen=1)
        train, other = (by_folder(path, metainfo=dict(classes=names)) for names in (CLASSES, classes))
    else:
        path = write('data', [[0, 1, 2, 255]])
        train, other = (
            by_pixel(path, **{given: dict(classes=names, **dict(other='ignore') if given == 'class_map' else {})})
            for names in (CLASSES, classes)
        )
    with pytest.raises(DataError, match=text.format(mode)):
        run(train, **{mode: other})


def named_sets():
    """Every data set of ours whose classes are known."""
    DATASETS.import_from_location()
    own = {name: kind for name, kind in DATASETS.module_dict.items() if kind.__module__.startswith('mmuda.')}
    return sorted(name for name, kind in own.items() if getattr(kind, 'METAINFO', {}).get('classes'))


@pytest.mark.parametrize('name', named_sets())
def test_every_data_set_is_compared(tmp_path, monkeypatch, name):
    """Unread: nothing but its class list counts."""
    monkeypatch.setattr('mmuda.apis.class_check.check_labels', lambda sets: None)
    part = dict(type=f'mmuda.{name}', data_root=str(tmp_path), lazy_init=True, pipeline=[])
    part |= dict(ann_file='a.npz') if name == 'Digits' else {}
    classes = list(DATASETS.get(name).METAINFO['classes'])
    run(part, part, part, heads=len(classes), classes=classes)
    for wrong in (classes[::-1], classes[:-1]):
        for mode in ('val', 'test'):
            with pytest.raises(DataError, match=r'The class lists differ.*in the train set.* in the .* set'):
                run(part, **{mode: dict(part, metainfo=dict(classes=wrong))})
    with pytest.raises(UserError, match=f'num_classes={len(classes) + 1}, but .* {len(classes)} classes'):
        run(part, heads=len(classes) + 1)


@pytest.mark.parametrize('make, labels', [(by_folder, dict(bike=1, mug=1)), (by_pixel, dict(labels=[[0, 1]]))])
def test_a_checkpoint_of_other_classes_is_refused(write, make, labels):
    part = make(write('data', **labels), metainfo=dict(classes=['bike', 'mug']))
    run(test=part, classes=['bike', 'mug'])
    with pytest.raises(DataError, match="'lamp' only in the checkpoint, nothing only in the test set"):
        run(test=part, classes=CLASSES)


@pytest.mark.parametrize('heads', [2, 19])
@pytest.mark.parametrize(
    'make, labels', [(by_folder, dict(bike=1, lamp=1, mug=1)), (by_pixel, dict(labels=[[0, 1, 2]]))]
)
@pytest.mark.parametrize('mode', ['train', 'val', 'test'])
def test_a_head_of_another_size_is_refused(write, make, labels, heads, mode):
    part = make(write('data', **labels), metainfo=dict(classes=CLASSES))
    run(**{mode: part}, heads=3)
    with pytest.raises(UserError, match=f'num_classes={heads}, but the {mode} set has 3 classes'):
        run(**{mode: part}, heads=heads)


def test_lists_of_numbers_do_without_names(write):
    path = write('data', bike=2)
    (path / 'list.txt').write_text('bike/0.png 0\nbike/1.png 4\n')
    run(by_folder(path, ann_file='list.txt'), heads=5)
    with pytest.raises(UserError, match='num_classes=4, but the train set has an image of class 4'):
        run(by_folder(path, ann_file='list.txt'), heads=4)


def test_label_maps_without_names_cannot_be_scored(write):
    path = write('data', [[0, 1]])
    with pytest.raises(UserError, match=r'the val set \(FolderSegmentation\) has label maps and no class list'):
        run(by_pixel(path, metainfo=dict(classes=['a', 'b'])), by_pixel(path))


# ---- what the labels hold ----


@pytest.mark.parametrize('mode', ['train', 'val'])
def test_binary_masks_are_an_error_with_the_histogram(write, mode):
    masks = by_pixel(write('data', [[0, 255, 255]] * 2), metainfo=dict(classes=['ground', 'lane']))
    with pytest.raises(
        DataError,
        match=r"'ground' is the only class that all 2 label maps show, of 2: 255 means 'ignore', masks of 0 and "
        r"255 need class_map=dict\(classes=\['ground', 'lane'\], map=\{'0': 'ground', '255': 'lane'\}\).*"
        r'They hold ground 100 %, lane 0 %; ignored 67 %, in all 2 label maps',
    ):
        run(**{mode: masks})
    mapped = dict(classes=['ground', 'lane'], map={'0': 'ground', '255': 'lane'})
    run(**{mode: dict(masks, metainfo=None, class_map=mapped)})


@pytest.mark.parametrize('mode', ['train', 'val', 'test'])
def test_labels_that_are_all_ignored_are_an_error(write, mode):
    with pytest.raises(DataError, match='every pixel is ignored in all 2 label maps'):
        run(**{mode: by_pixel(write('data', [[255]] * 2), metainfo=dict(classes=CLASSES))})


def test_a_class_that_no_source_shows_is_said(write, told):
    """One source may lack it as long as another one does not."""
    one, two = (by_pixel(write(name, [labels]), metainfo=dict(classes=CLASSES)) for name, labels in
                (('one', [0, 1]), ('two', [0, 2, 255])))  # fmt: skip
    run(dict(type='mmuda.DomainDataset', source=[one, two]))
    assert [level for level, _ in told] == [logging.INFO]
    assert 'Labels of the sources: bike 50 %, lamp 30 %, mug 20 %; ignored 17 %, in all 2 label maps.' in told[0][1]
    del told[:]
    run(dict(type='mmuda.DomainDataset', source=one, target=dict(two, data_prefix=dict(img_path='images'))), val=two)
    assert [level for level, _ in told] == [logging.INFO, logging.WARNING, logging.INFO, logging.INFO, logging.INFO]
    assert '1 of the 1 scored images are target images too' in told[-1][1]
    assert told[1][1] == "The sources: no pixel shows 'mug' in the only label map: it cannot be learned."
    assert "The val set: no pixel shows 'lamp'" in told[3][1]


def stepwise(**step):
    pipeline = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel'), step]
    return dict(metainfo=dict(classes=CLASSES), pipeline=pipeline)


@pytest.mark.parametrize(
    'step, name',
    [
        (dict(type='Pad', size=(8, 8), pad_val=dict(img=0, seg=0)), 'Pad'),
        (dict(type='mmseg.RandomRotate', prob=1.0, degree=10, seg_pad_val=0), 'RandomRotate'),
    ],
)
def test_padding_in_a_pipeline_is_ignored_by_the_heads(write, step, name):
    """Padding of 0 would be trained on as the first class, without a word."""
    path = write('data', [[0, 1, 2]])
    head = nn.Identity()
    head.loss_decode, head.ignore_index = None, 255
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=DATASETS.build(by_pixel(path, **stepwise(**step)))))
    runner = SimpleNamespace(model=nn.ModuleDict(dict(head=head)), _train_loop=loop, _val_loop=None, _test_loop=None)
    with pytest.raises(UserError, match=f'head has ignore_index=255, but the padding of {name} in a pipeline has 0'):
        ClassCheckHook().before_run(runner)


@pytest.mark.parametrize('mode', ['val', 'test'])
def test_a_metric_ignores_what_the_labels_do(write, mode):
    part = DATASETS.build(by_pixel(write('data', [[0, 1, 2]]), metainfo=dict(classes=CLASSES)))
    metric = METRICS.build(dict(type='mmuda.SegmentationMetric', ignore_index=0))
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=part), evaluator=SimpleNamespace(metrics=[metric]))
    loops = dict(_train_loop=None, _val_loop=None, _test_loop=None) | {f'_{mode}_loop': loop}
    with pytest.raises(UserError, match=rf'{mode}_evaluator \(SegmentationMetric\) has ignore_index=0, .* have 255'):
        ClassCheckHook().before_run(SimpleNamespace(model=nn.Identity(), **loops))


def test_joined_and_bare_sets_are_looked_into(write, told):
    part = DATASETS.build(by_pixel(write('data', [[0, 1, 2]]), metainfo=dict(classes=CLASSES)))
    for dataset in (ConcatDataset([part, part]), DomainDataset([part])):
        loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset))
        runner = SimpleNamespace(model=nn.Identity(), _train_loop=loop, _val_loop=None, _test_loop=None)
        ClassCheckHook().before_run(runner)
    assert ['in all 2 label maps' in text for _, text in told] == [True, False]
    ClassCheckHook().before_run(
        SimpleNamespace(model=nn.Identity(), _train_loop=dict(), _val_loop=None, _test_loop=None)
    )


def test_labels_that_a_host_reads_by_its_own_rules_are_no_error(write, told):
    path = write('data', [[0, 1, 9]])
    stock = dict(by_pixel(path), type='mmseg.BaseSegDataset', img_suffix='.png', seg_map_suffix='.png')
    run(dict(stock, metainfo=dict(classes=CLASSES)))
    assert told[0][0] == logging.WARNING
    assert 'The labels of the sources cannot be counted:' in told[0][1]
    with pytest.raises(DataError, match=r'value\(s\) 9 outside the class map'):
        run(by_pixel(path, metainfo=dict(classes=CLASSES)))
