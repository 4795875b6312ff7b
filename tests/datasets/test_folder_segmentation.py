"""What the generic set accepts, and the sentence for everything it does not."""

import json
import shutil

import numpy as np
import pytest

from mmuda.datasets import DataError, FolderSegmentation
from mmuda.palette import default_palette
from mmuda.registry import DATASETS


def build(cfg):
    return DATASETS.build(cfg)


def names(dataset):
    return [dataset.get_data_info(i)['img_path'].rsplit('images/')[1] for i in range(len(dataset))]


def test_pairs_are_sorted_and_load(make_folder):
    folder = make_folder('a', 4)
    dataset = build(folder.cfg())
    assert names(dataset) == ['000.png', '001.png', '002.png', '003.png']
    sample = dataset[2]
    assert sample['inputs'].shape == (3, 16, 16)
    assert set(sample['data_samples'].gt_sem_seg.data.unique().tolist()) <= {0, 1, 2, 255}


def test_sub_folders_and_mixed_suffixes(make_folder):
    folder = make_folder('a', 1)
    for kind in ('images', 'labels'):
        (folder.root / kind / 'city').mkdir()
    folder.image('city/b', np.zeros((20, 24, 3)), '.jpg')
    folder.label('city/b', np.zeros((20, 24)))
    assert names(build(folder.cfg())) == ['000.png', 'city/b.jpg']


def test_two_images_of_one_name_are_ambiguous(make_folder):
    folder = make_folder('a', 1)
    folder.image('000', np.zeros((20, 24, 3)), '.jpg')
    with pytest.raises(DataError, match='name the suffix of the images in `img_suffix`'):
        build(folder.cfg())
    assert names(build(folder.cfg(img_suffix='.jpg'))) == ['000.jpg']


def test_images_alone_need_no_classes_and_no_label_folder(make_folder):
    folder = make_folder('a', 2)
    shutil.rmtree(folder.root / 'labels')
    dataset = build(folder.cfg(data_prefix=dict(img_path='images'), metainfo=None, pipeline=[]))
    assert len(dataset) == 2
    assert 'seg_map_path' not in dataset.get_data_info(0)
    dataset = build(folder.cfg(data_prefix=dict(img_path='images', seg_map_path=None), pipeline=[]))
    assert len(dataset) == 2


def test_a_list_file_selects(make_folder):
    folder = make_folder('a', 4)
    (folder.root / 'train.txt').write_text('003\n\n./001\n')
    assert names(build(folder.cfg(ann_file='train.txt'))) == ['001.png', '003.png']


def test_a_list_file_selects_the_labelled_images(make_folder):
    folder = make_folder('a', 4)
    (folder.root / 'labels' / '002.png').unlink()
    (folder.root / 'train.txt').write_text('000\n001\n003\n')
    assert len(build(folder.cfg(ann_file='train.txt'))) == 3


@pytest.mark.parametrize(
    'lines, text',
    [
        ('../000', 'leaves the image folder'),
        ('/etc/hostname', 'leaves the image folder'),
        ('000\n009\n', r"1 of 2 entries of the list file '.*train\.txt' have no image in '.*images': 009"),
        ('\n', r"list file '.*train\.txt' has no entry"),
    ],
)
def test_a_wrong_list_file_is_one_sentence(make_folder, lines, text):
    folder = make_folder('a', 1)
    (folder.root / 'train.txt').write_text(lines)
    with pytest.raises(DataError, match=text):
        build(folder.cfg(ann_file='train.txt'))


def test_a_missing_list_file_is_named(make_folder):
    with pytest.raises(DataError, match=r"list file '.*gone\.txt' does not exist"):
        build(make_folder('a', 1).cfg(ann_file='gone.txt'))


def test_a_missing_root_names_the_variable(make_folder):
    with pytest.raises(DataError, match=r"data root '/no/where' does not exist.*MMUDA_DATA"):
        build(make_folder('a', 1).cfg(data_root='/no/where'))


@pytest.mark.parametrize('kind', ['images', 'labels'])
def test_a_missing_folder_is_named(make_folder, kind):
    folder = make_folder('a', 1)
    shutil.rmtree(folder.root / kind)
    with pytest.raises(DataError, match=rf"The {kind[:-1]} folder '.*{kind}' does not exist.*MMUDA_DATA"):
        build(folder.cfg())


def test_an_empty_folder_is_named(make_folder):
    folder = make_folder('a', 1)
    (folder.root / 'images' / '000.png').unlink()
    with pytest.raises(DataError, match=r"no image in '.*images' \(none left out\): check.*MMUDA_DATA"):
        build(folder.cfg())


def test_images_without_labels_are_counted(make_folder):
    folder = make_folder('a', 6)
    for name in ('001', '004'):
        (folder.root / 'labels' / f'{name}.png').unlink()
    with pytest.raises(DataError, match=r"2 of 6 images have no label in '.*labels': 001\.png, 004\.png; expected"):
        build(folder.cfg())


def test_classes_may_be_a_selection(make_folder):
    folder = make_folder('a', 1)
    label = np.full((20, 24), 5)
    label[:, 12:] = 9
    folder.label('000', label)
    (folder.root / 'map.json').write_text(
        json.dumps({'classes': ['a', 'b'], 'palette': [[1, 1, 1], [2, 2, 2]], 'map': {'5': 'a', '9': 'b'}})
    )
    whole = build(folder.cfg(class_map='map.json', metainfo=None))
    part = build(folder.cfg(class_map='map.json', metainfo=dict(classes=['b'])))
    assert (whole.metainfo['classes'], whole.metainfo['palette']) == (('a', 'b'), [[1, 1, 1], [2, 2, 2]])
    assert (part.metainfo['classes'], part.metainfo['palette']) == (('b',), [[2, 2, 2]])
    load = [step for step in whole.pipeline.transforms if type(step).__name__ in ('LoadImage', 'LoadLabel')]
    for dataset, values in ((whole, [0, 1]), (part, [255, 0])):
        results = dataset.get_data_info(0)
        for step in load:
            results = step(results)
        assert results['gt_seg_map'][0, [0, -1]].tolist() == values


@pytest.mark.parametrize('changes', [{}, dict(reduce_zero_label=True), dict(class_map={'classes': ['x', 'y', 'z']})])
def test_the_stock_loader_agrees_with_ours(make_folder, changes):
    folder = make_folder('a', 2)
    if changes.get('reduce_zero_label'):
        for i in range(2):
            folder.label(f'{i:03d}', np.random.default_rng(i).integers(0, 4, (20, 24)))
    loaded = []
    for loader in ('mmuda.LoadLabel', 'mmseg.LoadAnnotations'):
        pipeline = [dict(type='mmuda.LoadImage'), dict(type=loader)]
        metainfo = None if 'class_map' in changes else dict(classes=('p', 'q', 'r'))
        dataset = build({**folder.cfg(pipeline=pipeline, metainfo=metainfo), **changes})
        loaded.append(dataset[1]['gt_seg_map'])
    assert (loaded[0] == loaded[1]).all()


def test_two_ways_to_drop_id_zero_exclude_each_other(make_folder):
    with pytest.raises(DataError, match='exclude each other'):
        build(make_folder('a', 1).cfg(class_map={'classes': ['a']}, reduce_zero_label=True))


def test_classes_without_a_palette_have_well_spread_colours(make_folder):
    """They are those of any other picture; a selection of classes keeps its colours."""
    whole = build(make_folder('a', 1).cfg(metainfo=dict(classes=('a', 'b', 'c'))))
    assert whole.metainfo['palette'] == [list(color) for color in default_palette(3)]
    part = build(make_folder('b', 1).cfg(class_map=dict(classes=['a', 'b', 'c']), metainfo=dict(classes=('c', 'a'))))
    assert part.metainfo['palette'] == [list(default_palette(3)[place]) for place in (2, 0)]


def test_a_palette_may_be_an_array(make_folder, monkeypatch):
    colours = np.array([[1, 1, 1], [2, 2, 2], [3, 3, 3]], np.uint8)
    given = DATASETS.build(make_folder('a', 1).cfg(metainfo=dict(classes=('a', 'b', 'c'), palette=colours)))
    assert given.metainfo['palette'] == colours.tolist()
    monkeypatch.setattr(FolderSegmentation, 'METAINFO', dict(classes=('a', 'b', 'c'), palette=colours))
    own = DATASETS.build(make_folder('b', 1).cfg(metainfo=dict(classes=('c', 'a'))))
    assert own.metainfo['palette'] == [[3, 3, 3], [1, 1, 1]]
