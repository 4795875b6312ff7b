"""Pixel counts and what happens to their cache."""

import logging
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import ConcatDataset
from odd_files import odd_files

from mmuda.datasets import DataError, class_statistics
from mmuda.datasets.class_statistics import class_pixels, default_cache_file, sampled_class_pixels
from mmuda.registry import DATASETS

LABEL = np.full((20, 24), 255)
LABEL[0, :7], LABEL[1, :5], LABEL[2, :2] = 0, 1, 2


@pytest.fixture
def folder(make_folder):
    made = make_folder('a', 4)
    made.label('001', LABEL)
    return made


@pytest.fixture
def scans(monkeypatch):
    """How often the label files were read."""
    counted = []
    original = class_statistics._scan
    monkeypatch.setattr(class_statistics, '_scan', lambda *args: counted.append(1) or original(*args))
    return counted


@pytest.fixture
def told(monkeypatch):
    """What was logged: (level, text)."""
    lines = []

    def record(text, logger=None, level=logging.INFO):
        lines.append((level, text))

    monkeypatch.setattr(class_statistics, 'print_log', record)
    return lines


def build(folder, **changes):
    return DATASETS.build(folder.cfg(**changes))


def test_counts_are_pixels_without_the_ignored_ones(folder):
    counts = class_pixels(build(folder))
    assert counts.shape == (4, 4)
    assert counts[1].tolist() == [7, 5, 2, 480 - 14]
    assert counts[0, :3].sum() == 19 * 24


def test_counts_of_files_with_odd_names(folder):
    for kind in ('images', 'labels'):
        odd_files(folder.root / kind, (folder.root / kind / '001.png').read_bytes())
    dataset = build(folder)
    counts = class_pixels(dataset)
    assert len(counts) == len(dataset) > 20
    assert (sampled_class_pixels(dataset, 200) == counts).all()


def test_counts_follow_the_class_map(folder):
    merged = {'classes': ['a', 'b'], 'map': {'0': 'b', '1': 'ignore', '2': 'a', '255': 'ignore'}}
    assert class_pixels(build(folder, class_map=merged, metainfo=None))[1].tolist() == [2, 7, 471]
    assert class_pixels(build(folder, metainfo=dict(classes=('p', 'q', 'r')), reduce_zero_label=True))[1].tolist() == [
        5,
        2,
        0,
        473,
    ]


def test_a_stock_set_counts_like_its_own_loader(folder):
    stock = dict(
        type='mmseg.BaseSegDataset',
        data_root=str(folder.root),
        img_suffix='.png',
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        metainfo=dict(classes=('a', 'b', 'c')),
        pipeline=[],
    )
    assert (class_pixels(DATASETS.build(stock)) == class_pixels(build(folder))).all()


def test_joined_sets_keep_their_own_maps(folder):
    swapped = {'classes': ['road', 'car', 'sky'], 'map': {'0': 2, '1': 1, '2': 0, '255': 'ignore'}}
    joined = ConcatDataset([build(folder), build(folder, class_map=swapped)])
    counts = class_pixels(joined)
    assert (counts[:4, :3] == counts[4:, 2::-1]).all()


@pytest.mark.parametrize('nproc', [1, 2])
def test_the_number_of_processes_does_not_matter(make_folder, nproc):
    dataset = build(make_folder('many', 70))
    expected = [np.bincount(read(dataset, i), minlength=256)[[0, 1, 2, 255]] for i in range(70)]
    assert (class_pixels(dataset, nproc=nproc) == expected).all()


def read(dataset, index):
    import cv2

    return cv2.imread(dataset.get_data_info(index)['seg_map_path'], cv2.IMREAD_UNCHANGED).ravel()


def test_a_second_start_reads_the_cache(folder, scans):
    first = class_pixels(build(folder))
    assert (class_pixels(build(folder)) == first).all()
    assert len(scans) == 1
    assert [path.suffix for path in (folder.root / '.mmuda_cache').iterdir()] == ['.npz']


def test_the_cache_is_where_one_wants_it(folder, tmp_path, scans):
    where = tmp_path / 'deep' / 'counts.npz'
    for _ in range(2):
        class_pixels(build(folder), cache_file=str(where))
    assert where.is_file()
    assert not (folder.root / '.mmuda_cache').exists()
    assert len(scans) == 1


def test_a_moved_data_set_keeps_its_cache(folder, scans):
    first = class_pixels(build(folder))
    folder.root = folder.root.rename(folder.root.with_name('moved'))
    assert (class_pixels(build(folder)) == first).all()
    assert len(scans) == 1


def change_file(folder):
    folder.label('001', np.zeros((20, 24)))


def add_image(folder):
    folder.image('009', np.zeros((20, 24, 3)))
    folder.label('009', LABEL)


def shorter_list(folder):
    (folder.root / 'list.txt').write_text('000\n001\n')


@pytest.mark.parametrize(
    'change, expected', [(change_file, [480, 0, 0, 0]), (add_image, [7, 5, 2, 466]), (shorter_list, [7, 5, 2, 466])]
)
def test_changed_files_are_counted_again(folder, scans, told, change, expected):
    (folder.root / 'list.txt').write_text('000\n001\n002\n')
    listed = dict(ann_file='list.txt') if change is shorter_list else {}
    class_pixels(build(folder, **listed))
    change(folder)
    counts = class_pixels(build(folder, **listed))
    assert len(scans) == 2
    assert len(counts) == dict(change_file=4, add_image=5, shorter_list=2)[change.__name__]
    assert counts[1].tolist() == expected
    assert any(level == logging.INFO and 'belong to other files' in text for level, text in told)


def test_other_classes_are_counted_again(folder, scans):
    class_pixels(build(folder))
    class_pixels(build(folder, metainfo=dict(classes=('road', 'car', 'tree'))))
    merged = {'classes': ['road', 'car', 'tree'], 'map': {0: 0, 1: 1, 2: 1, 255: 255}}
    class_pixels(build(folder, class_map=merged, metainfo=None))
    assert len(scans) == 3


@pytest.mark.parametrize('content', [b'', b'not a zip file', b'PK\x03\x04 cut short'])
def test_a_damaged_cache_is_built_again_with_a_warning(folder, scans, told, content):
    dataset = build(folder)
    first = class_pixels(dataset)
    path = default_cache_file(dataset)
    with open(path, 'wb') as file:
        file.write(content)
    assert (class_pixels(dataset) == first).all()
    assert len(scans) == 2
    assert any(level == logging.WARNING and 'are damaged' in text for level, text in told)
    assert (class_pixels(dataset) == first).all()
    assert len(scans) == 2


def test_a_read_only_data_root_uses_the_users_cache(folder, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'home'))
    os.chmod(folder.root, 0o555)
    try:
        class_pixels(build(folder))
    finally:
        os.chmod(folder.root, 0o755)
    assert not (folder.root / '.mmuda_cache').exists()
    assert len(list((tmp_path / 'home' / 'mmuda').glob('class_pixels_FolderSegmentation_*.npz'))) == 1


def test_a_cache_that_cannot_be_written_costs_only_time(folder, tmp_path, scans, told):
    (tmp_path / 'file').write_text('')
    for _ in range(2):
        class_pixels(build(folder), cache_file=str(tmp_path / 'file' / 'counts.npz'))
    assert len(scans) == 2
    assert any('cannot be kept' in text for _, text in told)


def test_images_alone_cannot_be_counted(folder):
    with pytest.raises(DataError, match='has no label map: rare-class sampling needs a labelled source'):
        class_pixels(build(folder, data_prefix=dict(img_path='images')))


def test_one_process_of_a_node_counts_and_the_others_wait(folder, scans, monkeypatch):
    """Two ranks as threads; the barrier lets nobody through before both have come."""
    meeting = threading.Barrier(2, timeout=20)
    local, order = threading.local(), []
    monkeypatch.setattr(class_statistics.dist, 'barrier', lambda: (order.append(local.rank), meeting.wait()))
    monkeypatch.setattr(class_statistics.dist, 'get_rank', lambda: local.rank)
    monkeypatch.delenv('LOCAL_RANK', raising=False)
    found = {}

    def work(rank):
        local.rank = rank
        found[rank] = class_pixels(build(folder))

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(order) == [0, 1]
    assert len(scans) == 1
    assert (found[0] == found[1]).all()


def test_an_error_of_the_counting_process_frees_the_others(folder, monkeypatch):
    (folder.root / 'labels' / '002.png').write_bytes(b'x')
    met = []
    monkeypatch.setattr(class_statistics.dist, 'barrier', lambda: met.append(1))
    with pytest.raises(DataError, match=r'labels/002\.png'):
        class_pixels(build(folder))
    assert met == [1]


def test_a_sample_is_evenly_spaced_and_the_cache_knows_better(make_folder, scans):
    dataset = build(make_folder('many', 9))
    whole = [np.bincount(read(dataset, i), minlength=256)[[0, 1, 2, 255]] for i in range(9)]
    assert (sampled_class_pixels(dataset, 3) == [whole[0], whole[4], whole[8]]).all()
    assert not (Path(dataset.data_root) / '.mmuda_cache').exists()
    assert (sampled_class_pixels(dataset, 20) == whole).all()
    class_pixels(dataset)
    assert (sampled_class_pixels(dataset, 3) == whole).all()
    assert len(scans) == 1


def test_a_set_without_classes_cannot_be_counted(folder):
    with pytest.raises(DataError, match='has no class list to count by: give it `class_map`'):
        class_pixels(build(folder, metainfo=None))
