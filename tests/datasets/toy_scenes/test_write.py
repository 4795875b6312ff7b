"""The toy set on disk: whole or not there, written once."""

import json

import cv2
import pytest

from mmuda.datasets import DataError
from mmuda.datasets.toy_scenes import ToyStreetsSpec, render, write
from mmuda.datasets.toy_scenes.write import write_toy_streets
from mmuda.registry import DATASETS

SMALL = ToyStreetsSpec(train=3, val=2, width=64, height=48)


def test_the_layout_is_that_of_real_data(tmp_path):
    folder = write_toy_streets(str(tmp_path), SMALL)
    for domain in ('day', 'dusk'):
        for split, count in (('train', 3), ('val', 2)):
            prefix = dict(img_path=f'{domain}/images/{split}', seg_map_path=f'{domain}/labels/{split}')
            pipeline = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel')]
            cfg = dict(type='mmuda.ToyStreets', data_root=folder, data_prefix=prefix, pipeline=pipeline)
            dataset = DATASETS.build(cfg)
            assert len(dataset) == count
            image, label = render(1, split, domain, size=(64, 48))
            assert (dataset[1]['img'][..., ::-1] == image).all()
            assert (dataset[1]['gt_seg_map'] == label).all()
    assert [path.name for path in tmp_path.iterdir()] == ['toy_streets']


def test_a_second_call_reuses_the_first(tmp_path, monkeypatch):
    folder = write_toy_streets(str(tmp_path), SMALL)
    monkeypatch.setattr(write, '_fill', None)
    assert write_toy_streets(str(tmp_path), SMALL) == folder


def test_processes_do_not_matter(tmp_path):
    folders = [write_toy_streets(str(tmp_path / str(nproc)), SMALL, nproc=nproc) for nproc in (1, 2)]
    first, second = (cv2.imread(f'{folder}/dusk/images/train/00002.png') for folder in folders)
    assert (first == second).all()


def test_other_parameters_replace_only_on_request(tmp_path):
    folder = write_toy_streets(str(tmp_path), SMALL)
    other = ToyStreetsSpec(train=4, val=2, width=64, height=48, shift=0.5)
    with pytest.raises(DataError, match=r'was written with another shift, train: add --overwrite'):
        write_toy_streets(str(tmp_path), other)
    write_toy_streets(str(tmp_path), other, overwrite=True)
    with open(f'{folder}/{write.MARKER}') as file:
        assert json.load(file)['shift'] == 0.5
    assert [path.name for path in tmp_path.iterdir()] == ['toy_streets']


def test_a_foreign_folder_is_never_replaced(tmp_path):
    (tmp_path / 'toy_streets').mkdir()
    (tmp_path / 'toy_streets' / 'mine').write_text('')
    with pytest.raises(DataError, match='not from this generator'):
        write_toy_streets(str(tmp_path), SMALL, overwrite=True)
    assert (tmp_path / 'toy_streets' / 'mine').exists()


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(task, folder, spec):
        raise KeyboardInterrupt

    monkeypatch.setattr(write, '_write_one', interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_toy_streets(str(tmp_path), SMALL)
    assert list(tmp_path.iterdir()) == []


def test_parts_of_the_shift_can_be_set_alone():
    look = ToyStreetsSpec(shift=0, darkness=1, glare=0.5, noise=0.2).look('dusk')
    full, day = ToyStreetsSpec().look('dusk'), ToyStreetsSpec().look('day')
    assert (look.ambient, look.lamp, look.glare, look.noise) == (full.ambient, 0.5, 0.5, 0.2)
    assert look.facades == day.facades


def test_nonsense_sizes_are_refused(tmp_path):
    with pytest.raises(DataError, match='0 \\+ 40 pictures'):
        write_toy_streets(str(tmp_path), ToyStreetsSpec(train=0))
