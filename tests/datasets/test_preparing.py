"""Preparing in several processes, again, and on a disk that is too small."""

import json
import os
import shutil
from collections import namedtuple

import pytest

from mmuda.datasets import DataError
from mmuda.datasets.prepared import prepared_sets
from mmuda.datasets.preparing import amount, check_space, prepare
from mmuda.registry import DATASETS
from mmuda.storage import atomic

PIPELINE = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel'), dict(type='mmseg.Resize', scale=(36, 30))]


@pytest.fixture
def sets(make_folder, tmp_path):
    """Five images with labels, to be prepared in `out`."""
    folder = make_folder('day', 5)
    return prepared_sets([DATASETS.build(folder.cfg(pipeline=PIPELINE))], str(tmp_path / 'out'))


def made(folder) -> dict:
    """Time of each prepared file."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob('*.npy')}


@pytest.mark.parametrize('nproc', [1, 2])
def test_every_file_is_made_once(sets, tmp_path, nproc):
    assert prepare(sets, nproc) == []
    first = made(tmp_path / 'out')
    assert sorted(first) == [f'day/{kind}/{i:03d}.png.npy' for kind in ('images', 'labels') for i in range(5)]
    assert prepare(sets, nproc) == []
    assert made(tmp_path / 'out') == first


def test_what_is_missing_damaged_or_out_of_date_is_made_again(sets, tmp_path):
    assert prepare(sets) == []
    first, folder = made(tmp_path / 'out'), tmp_path / 'out' / 'day' / 'images'
    (folder / '000.png.npy').unlink()
    os.truncate(folder / '001.png.npy', 100)
    with open(f'{sets[0].images.originals}/002.png', 'ab') as file:
        file.write(b'\0')
    (folder / '.003.png.npy.abcd1234.part').write_bytes(b'left by a process that was killed')
    assert prepare(sets) == []
    second = made(tmp_path / 'out')
    changed = [name for name in second if second[name] != first[name]]
    assert sorted(changed) == [f'day/images/00{i}.png.npy' for i in range(3)]
    assert not list(folder.glob('.*'))


def test_a_sample_that_fails_does_not_stop_the_others(sets, tmp_path):
    with open(f'{sets[0].images.originals}/003.png', 'r+b') as file:
        file.truncate(60)
    (own := tmp_path / 'out' / 'day' / 'notes.txt').parent.mkdir(parents=True)
    own.write_text('mine')
    errors = prepare(sets)
    assert len(errors) == 1
    assert '003.png' in errors[0]
    assert len(made(tmp_path / 'out')) == 8
    assert own.read_text() == 'mine'


def test_a_full_disk_leaves_no_half_file(sets, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(atomic.os, 'replace', full)
    monkeypatch.setattr(type(sets[0].images), 'claim', lambda files: None)
    errors = prepare(sets)
    assert len(errors) == 5
    assert errors[0].endswith("000.png.npy' cannot be written (No space left on device)")
    assert [path for path in (tmp_path / 'out').rglob('*') if path.is_file()] == []


def test_the_folder_of_another_size_stays_as_it_is(sets, tmp_path, make_folder):
    assert prepare(sets) == []
    first = made(tmp_path / 'out')
    steps = [*PIPELINE[:2], dict(type='mmseg.Resize', scale=(18, 15))]
    part = dict(type='mmuda.FolderSegmentation', data_root=str(tmp_path / 'day'), pipeline=steps)
    part.update(data_prefix=dict(img_path='images', seg_map_path='labels'), metainfo=dict(classes=['a', 'b', 'c']))
    with pytest.raises(
        DataError, match=r"resize={'scale': \[36, 30\], .* run tools/prepare_data.py with this config and"
    ):
        prepare(prepared_sets([DATASETS.build(part)], str(tmp_path / 'out')))
    assert made(tmp_path / 'out') == first
    noted = json.loads((tmp_path / 'out' / 'day' / 'images' / 'prepared.json').read_text())
    assert noted['images']['resize']['scale'] == [36, 30]


def test_the_size_is_known_before(sets, tmp_path, monkeypatch):
    needs = amount(sets[0])
    assert needs == (5, 5 * 36 * 30 * 4)
    usage = namedtuple('Usage', 'free')
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage(needs.bytes - 1))
    with pytest.raises(
        DataError, match=r"need about 0\.0 GB, and the disk of '.*out' has 0\.0 GB left: give another one"
    ):
        check_space(str(tmp_path / 'out'), sets, needs.bytes)
    prepare(sets)
    check_space(str(tmp_path / 'out'), sets, needs.bytes)
