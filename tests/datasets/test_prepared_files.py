"""Prepared files: what was written is read, and nothing else is taken for it."""

import json
import os
import re

import numpy as np
import pytest

from mmuda.datasets import DataError, prepared_files
from mmuda.datasets.prepared_files import PreparedFiles, State

SETTINGS = dict(version=1, color_type='color', resize=dict(scale=[6, 4]))
PIXELS = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)


@pytest.fixture
def files(tmp_path):
    """A folder of one original, `a/x.png`, and the place of its prepared file."""
    (tmp_path / 'images' / 'a').mkdir(parents=True)
    (tmp_path / 'images' / 'a' / 'x.png').write_bytes(b'some image')
    files = place(tmp_path)
    files.claim()
    return files


def place(root, **changes):
    return PreparedFiles(str(root / 'images'), str(root / 'prepared'), 'images', {**SETTINGS, **changes})


@pytest.fixture
def original(files):
    return f'{files.originals}/a/x.png'


def write(files, original, pixels=PIXELS):
    files.write(original, pixels, (40, 60), State.of(original))


@pytest.mark.parametrize('pixels', [PIXELS, PIXELS[..., 0], PIXELS.astype(np.float32) / 7], ids=['3', '2', 'float'])
def test_a_round_trip(files, original, pixels):
    assert not files.holds(original)
    write(files, original, pixels)
    found, size = files.read(original)
    assert files.holds(original)
    assert (found == pixels).all()
    assert (found.dtype, found.shape, size) == (pixels.dtype, pixels.shape, (40, 60))


def test_any_numpy_reads_a_file(files, original):
    write(files, original)
    assert (np.load(files.path(original), allow_pickle=False)['pixels'] == PIXELS).all()


def test_what_a_pipeline_writes_stays_in_memory(files, original):
    write(files, original)
    found, _ = files.read(original)
    found[:] = 7
    assert (files.read(original)[0] == PIXELS).all()


def longer(original):
    with open(original, 'ab') as file:
        file.write(b', corrected')


def of_equal_size(original):
    with open(original, 'r+b') as file:
        file.write(b'another picture'[: os.path.getsize(original)])


@pytest.mark.parametrize('edit', [longer, of_equal_size])
def test_an_original_that_has_changed_is_noticed(files, original, edit):
    write(files, original)
    edit(original)
    assert not files.holds(original)
    assert not files.keep(original)
    with pytest.raises(
        DataError, match=r"'.*a/x\.png' has changed since '.*x\.png\.npy' was made of it: run tools/pre"
    ):
        files.read(original)


def test_an_edit_while_it_was_loaded_is_noticed(files, original):
    state = State.of(original)
    of_equal_size(original)
    files.write(original, PIXELS, (40, 60), state)
    assert not files.holds(original)


def test_a_copied_original_is_read_once_to_compare_and_its_time_can_be_noted(files, original, monkeypatch):
    write(files, original)
    os.utime(original, ns=(1, 1))
    readings = []
    content = prepared_files._content
    monkeypatch.setattr(prepared_files, '_content', lambda path: readings.append(path) or content(path))
    for _ in range(2):
        assert (files.read(original)[0] == PIXELS).all()
    assert readings == [original]
    assert files.keep(original)
    assert not files.compared
    assert (files.read(original)[0] == PIXELS).all()
    assert readings == [original]
    of_equal_size(original)
    assert not files.holds(original)


def test_an_original_that_is_gone_is_a_sentence(files, original):
    write(files, original)
    os.remove(original)
    for look in (files.read, files.holds, State.of):
        with pytest.raises(DataError, match=r"'.*a/x\.png' cannot be read: No such file"):
            look(original)


@pytest.mark.parametrize('damage', ['cut', 'empty', 'other', 'pickle', 'missing'])
def test_what_is_no_whole_file_is_said(files, original, damage):
    write(files, original)
    path = files.path(original)
    if damage in ('cut', 'empty'):
        os.truncate(path, os.path.getsize(path) - 1 if damage == 'cut' else 0)
    elif damage == 'other':
        np.save(path, PIXELS)
    elif damage == 'pickle':
        np.save(path, np.array({'pixels': 1}, object), allow_pickle=True)
    else:
        os.remove(path)
    assert not files.holds(original)
    with pytest.raises(
        DataError, match=rf"'{re.escape(path)}' is no whole prepared file \(.+\): run tools/prepare_data"
    ):
        files.read(original)


def test_a_folder_of_other_settings_is_refused(files, original, tmp_path):
    write(files, original)
    other = place(tmp_path, resize=dict(scale=[12, 8]))
    sentence = (
        r"The images in '.*prepared' were prepared with resize={'scale': \[6, 4\]}, but this config has "
        r"resize={'scale': \[12, 8\]}: run tools/prepare_data.py with this config and another folder for --out\."
    )
    for check in (other.check, other.claim):
        with pytest.raises(DataError, match=sentence):
            check()
    for look in (other.read, other.holds):
        with pytest.raises(DataError, match='was prepared by other settings'):
            look(original)
    files.check()


def test_settings_without_a_file_bind_nobody(files, tmp_path):
    other = place(tmp_path, resize=None)
    other.claim()
    other.check()


def test_images_and_labels_may_share_a_folder(files, tmp_path):
    labels = PreparedFiles(files.originals, files.folder, 'labels', dict(version=1, classes='0a'))
    labels.claim()
    files.check()
    labels.check()
    assert set(json.loads((tmp_path / 'prepared' / 'prepared.json').read_text())) == {'images', 'labels'}


def test_a_folder_that_was_not_prepared(tmp_path):
    with pytest.raises(DataError, match=r"'.*prepared' holds no prepared images of '.*images': run tools/prepare_data"):
        place(tmp_path).check()
    (tmp_path / 'prepared').mkdir()
    (tmp_path / 'prepared' / 'prepared.json').write_text('{"images"')
    with pytest.raises(DataError, match=r"'.*prepared\.json' cannot be read \(.+\): remove it"):
        place(tmp_path).check()


def test_no_name_leaves_the_folder(files, tmp_path):
    with pytest.raises(
        DataError, match=r"'.*secret\.png' is not below '.*images', so '.*prepared' has no place for it"
    ):
        files.path(f'{files.originals}/../secret.png')
