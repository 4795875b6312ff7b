"""One folder a class, or a list: order, labels that a target does not have, and what is wrong on disk."""

import cv2
import numpy as np
import pytest

from mmuda.datasets import DataError, DomainDataset, FolderClassification, OfficeCaltech10
from mmuda.datasets.label_free import has_label_switch

CLASSES = ('mug', 'bike')


@pytest.fixture
def root(tmp_path):
    for domain, folder, count in (('web', 'bike', 2), ('web', 'mug', 3), ('web', 'extra', 1), ('flat', '', 4)):
        (tmp_path / domain / folder).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            assert cv2.imwrite(str(tmp_path / domain / folder / f'{i}.jpg'), np.zeros((4, 4, 3), np.uint8))
    return tmp_path


def build(root, domain='web', **options):
    return FolderClassification(data_root=str(root), data_prefix=dict(img_path=domain), **options)


def found(dataset):
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    return ['/'.join(x['img_path'].split('/')[-2:]) for x in infos], [x.get('gt_label') for x in infos]


def test_classes_are_the_folders_in_the_order_of_the_class_list(root):
    names, labels = found(build(root, metainfo=dict(classes=CLASSES)))
    assert names == ['mug/0.jpg', 'mug/1.jpg', 'mug/2.jpg', 'bike/0.jpg', 'bike/1.jpg']
    assert labels == [0, 0, 0, 1, 1]
    everything = build(root)
    assert everything.metainfo['classes'] == ('bike', 'extra', 'mug')
    assert len(everything) == 6


def test_a_class_without_a_folder_keeps_its_number(root, monkeypatch):
    told = []
    monkeypatch.setattr('mmuda.datasets.folder_classification.log_once', told.append)
    _, labels = found(build(root, metainfo=dict(classes=('lamp', *CLASSES))))
    assert labels == [1, 1, 1, 2, 2]
    assert told[0].endswith("web' has no folder of 1 of its 3 classes: lamp.")
    assert told[1].endswith('5 images, 5 labels, 1 left out: 1 × no class (extra).')


def test_a_target_needs_no_class_folders(root):
    names, labels = found(build(root, 'flat', labelled=False, metainfo=dict(classes=CLASSES)))
    assert names == [f'flat/{i}.jpg' for i in range(4)]
    assert labels == [None] * 4


def test_a_list_names_images_and_classes(root):
    (root / 'list.txt').write_text('mug/2.jpg 1\nbike/0.jpg 0\n\n')
    names, labels = found(build(root, ann_file='list.txt', metainfo=dict(classes=CLASSES)))
    assert (names, labels) == (['mug/2.jpg', 'bike/0.jpg'], [1, 0])
    (root / 'bare.txt').write_text('mug/2.jpg\nmug/1.jpg 5\n')
    assert found(build(root, ann_file='bare.txt', labelled=False)) == (['mug/2.jpg', 'mug/1.jpg'], [None, None])
    for line in ('mug/2.jpg', 'mug/2.jpg 2', 'mug/2.jpg one', 'mug/2.jpg ²'):
        (root / 'bad.txt').write_text(line, encoding='utf-8')
        with pytest.raises(
            DataError, match=r"bad\.txt' does not end in a class number from 0 to 1: lines are `name number`"
        ):
            build(root, ann_file='bad.txt', metainfo=dict(classes=CLASSES))
    (root / 'torn.txt').write_text('mug/2.jpg 0\nmug/2.jpg 0\nmug/2.jpg 1')
    with pytest.raises(DataError, match=r"torn\.txt' gives the image 'mug/2\.jpg' the classes 0 and 1: leave one"):
        build(root, ann_file='torn.txt', metainfo=dict(classes=CLASSES))
    assert len(build(root, ann_file='torn.txt', labelled=False)) == 3
    (root / 'bad.txt').write_text('../mug/2.jpg 0')
    with pytest.raises(DataError, match='leaves the image folder'):
        build(root, ann_file='bad.txt')


def test_what_is_missing_is_named(root):
    with pytest.raises(DataError, match=r"data root '.*nowhere' does not exist"):
        build(root / 'nowhere')
    with pytest.raises(DataError, match=r"image folder '.*shop' does not exist"):
        build(root, 'shop')
    with pytest.raises(DataError, match=r"list file '.*none\.txt' does not exist"):
        build(root, ann_file='none.txt')
    (root / 'empty').mkdir()
    with pytest.raises(DataError, match=r"no image in '.*empty' \(none left out\): check"):
        build(root, 'empty', labelled=False)
    with pytest.raises(DataError, match=r"no image in '.*flat' \(4 left out: 4 × in no folder \(0\.jpg, "):
        build(root, 'flat')


@pytest.mark.parametrize('domain, count', [('amazon', 958), ('caltech10', 1123), ('dslr', 157), ('webcam', 295)])
def test_the_real_domains(data_root, domain, count):
    dataset = OfficeCaltech10(
        data_root=str(data_root / 'office_caltech10'), data_prefix=dict(img_path=domain), serialize_data=False
    )
    assert len(dataset) == count
    assert {info['gt_label'] for info in dataset.data_list} == set(range(10))


def test_as_a_target_every_such_set_is_built_without_labels(root):
    part = dict(
        type='mmuda.FolderClassification',
        data_root=str(root),
        data_prefix=dict(img_path='web'),
        metainfo=dict(classes=CLASSES),
    )
    nested = dict(type='ConcatDataset', datasets=[dict(part, data_prefix=dict(img_path='flat'))])
    dataset = DomainDataset(part, nested)
    assert dataset.sizes == [5, 4]
    assert 'gt_label' not in dataset.get_data_info(5)
    assert has_label_switch('mmuda.OfficeCaltech10')
    assert not has_label_switch('mmuda.FolderSegmentation')
