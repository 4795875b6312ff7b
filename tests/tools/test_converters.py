"""Label converters on synthetic files with every id and colour, against tables written down again here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmcv')

SCRIPTS = Path(__file__).parents[2] / 'tools' / 'dataset_converters'
SIZE = (6, 7)  # 42 pixels: more than there are ids

# Cityscapes' ids and colours in the order of the 19 train ids.
IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
COLOURS = (
    (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153), (250, 170, 30),
    (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142),
    (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
)  # fmt: skip
UNUSED_COLOURS = (
    (0, 0, 0), (111, 74, 0), (81, 0, 81), (250, 170, 160), (230, 150, 140), (180, 165, 180), (150, 100, 100),
    (150, 120, 90), (0, 0, 90), (0, 0, 110),
)  # fmt: skip
SYNTHIA = {1: 10, 2: 2, 3: 0, 4: 1, 5: 4, 6: 8, 7: 5, 8: 13, 9: 7, 10: 11, 11: 18, 12: 17, 15: 6, 16: 9, 17: 12,
           18: 14, 19: 15, 20: 16, 21: 3}  # fmt: skip


def run(script, *args):
    return subprocess.run(
        [sys.executable, SCRIPTS / script, *map(str, args)],
        env={**os.environ, 'PYTHONPATH': str(SCRIPTS.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def load(monkeypatch):
    """Import a converter as its command line does, from its own folder."""
    monkeypatch.syspath_prepend(str(SCRIPTS))

    def load(name):
        import importlib

        return importlib.import_module(name)

    return load


def fill(values):
    """All values of a list on a small map, the last one repeated."""
    flat = np.full(SIZE[0] * SIZE[1], values[-1])
    flat[: len(values)] = values
    return flat.reshape(SIZE)


def expected(values, table):
    return np.vectorize(lambda value: table.get(int(value), 255))(fill(values))


def written(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def folder(*parts):
    path = Path(*map(str, parts))
    path.mkdir(parents=True, exist_ok=True)
    return path


def official_palette():
    """As in the published files: index = id, license plate last; duplicates included."""
    colours = dict(zip(IDS, COLOURS))
    rest = {5: 1, 6: 2, 9: 3, 10: 4, 14: 5, 15: 6, 16: 7, 29: 8, 30: 9}
    colours.update(dict.fromkeys(range(5), (0, 0, 0)))
    colours.update({i: UNUSED_COLOURS[k] for i, k in rest.items()})
    colours.update({18: (153, 153, 153), 34: (0, 0, 142)})
    return [channel for i in range(35) for channel in colours[i]]


def palette_file(path, indices, palette):
    image = Image.fromarray(np.asarray(indices, np.uint8), 'P')
    image.putpalette(palette)
    image.save(path)


def test_gta_palette_files_of_every_id(tmp_path, load):
    path = folder(tmp_path, 'labels') / '00001.png'
    palette_file(path, fill(range(35)), official_palette())
    assert (load('gta').convert(str(path)) == expected(range(35), dict(zip(IDS, range(19))))).all()


def test_gta_files_of_every_colour(tmp_path, load):
    colours = np.array(COLOURS + UNUSED_COLOURS, np.uint8)
    numbers = fill(range(len(colours)))
    path = folder(tmp_path, 'labels') / '00001.png'
    Image.fromarray(colours[numbers]).save(path)
    assert (load('gta').convert(str(path)) == np.where(numbers < 19, numbers, 255)).all()


def test_gta_another_palette_goes_by_colour(tmp_path, load):
    path = folder(tmp_path, 'labels') / '00001.png'
    palette_file(path, fill(range(19)), [channel for colour in COLOURS for channel in colour])
    assert (load('gta').convert(str(path)) == fill(range(19))).all()


@pytest.mark.parametrize('mode', ['P', 'RGB', 'L'])
def test_gta_unknown_values_are_named(tmp_path, load, mode):
    path = folder(tmp_path, 'labels') / '00007.png'
    if mode == 'P':
        palette_file(path, fill([0, 1]), [128, 64, 128, 1, 2, 3])
    else:
        Image.fromarray(np.full((*SIZE, 3), (1, 2, 3), np.uint8)).convert(mode).save(path)
    text = 'is a L image' if mode == 'L' else r'unknown colour \(1, 2, 3\)'
    with pytest.raises(load('converting').ConversionError, match=rf'00007\.png.*{text}'):
        load('gta').convert(str(path))


def synthia_file(path, ids):
    pixels = np.zeros((*np.shape(ids), 3), np.uint16)
    pixels[..., 2] = ids  # red for OpenCV
    pixels[..., 1] = 4321  # instances
    assert cv2.imwrite(str(path), pixels)


def test_synthia_files_of_every_id(tmp_path, load):
    path = folder(tmp_path, 'GT', 'LABELS') / '0000000.png'
    synthia_file(path, fill(range(23)))
    assert (load('synthia').convert(str(path)) == expected(range(23), SYNTHIA)).all()


def test_synthia_unknown_ids_are_named(tmp_path, load):
    path = folder(tmp_path, 'GT', 'LABELS') / '0000000.png'
    synthia_file(path, fill([1, 23, 600]))
    with pytest.raises(load('converting').ConversionError, match=r'0000000\.png. has the unknown id 23, 600'):
        load('synthia').convert(str(path))


def test_cityscapes_files_of_every_id(tmp_path, load):
    path = folder(tmp_path, 'gtFine', 'train', 'ulm') / 'ulm_0_gtFine_labelIds.png'
    Image.fromarray(fill(range(34)).astype(np.uint8)).save(path)
    assert (load('cityscapes').convert(str(path)) == expected(range(34), dict(zip(IDS, range(19))))).all()


def polygons_file(path, *objects):
    items = [dict(label=name, polygon=polygon, **more) for name, polygon, more in objects]
    path.write_text(json.dumps(dict(imgHeight=SIZE[0], imgWidth=SIZE[1], objects=items)))


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def test_cityscapes_polygons_cover_each_other(tmp_path, load):
    path = folder(tmp_path, 'gtFine', 'val', 'ulm') / 'ulm_0_gtFine_polygons.json'
    polygons_file(
        path,
        ('road', box(0, 2, 6, 5), {}),
        ('cargroup', box(2, 3, 4, 4), {}),
        ('license plate', box(3, 3, 3, 3), {}),
        ('caravan', box(5, 3, 6, 4), {}),
        ('bus', box(0, 0, 6, 5), dict(deleted=1)),
    )
    truth = np.full(SIZE, 255)
    truth[2:] = 0
    truth[3:5, 2:5] = 13
    truth[3:5, 5:] = 255
    assert (load('cityscapes').convert(str(path)) == truth).all()


@pytest.mark.parametrize('content, text', [('{"imgWidth": 3}', 'no polygon file'), ('{', 'no polygon file')])
def test_cityscapes_broken_polygons_are_named(tmp_path, load, content, text):
    path = folder(tmp_path, 'gtFine', 'val', 'ulm') / 'ulm_0_gtFine_polygons.json'
    path.write_text(content)
    with pytest.raises(load('converting').ConversionError, match=rf'ulm_0.*json. is {text}'):
        load('cityscapes').convert(str(path))
    polygons_file(path, ('boat', box(0, 0, 1, 1), {}))
    with pytest.raises(load('converting').ConversionError, match="unknown label 'boat'"):
        load('cityscapes').convert(str(path))


def test_cityscapes_prefers_the_label_image(tmp_path, load):
    ulm = folder(tmp_path, 'gtFine', 'train', 'ulm')
    for name in ('a_gtFine_labelIds.png', 'a_gtFine_polygons.json', 'b_gtFine_polygons.json'):
        (ulm / name).write_bytes(b'')
    names = [tuple(os.path.basename(path) for path in pair) for pair in load('cityscapes').find_labels(str(tmp_path))]
    assert names == [
        ('a_gtFine_labelIds.png', 'a_gtFine_labelTrainIds.png'),
        ('b_gtFine_polygons.json', 'b_gtFine_labelTrainIds.png'),
    ]


@pytest.mark.parametrize('name', ['gta', 'synthia', 'cityscapes'])
def test_truncated_files_and_other_sizes_are_named(tmp_path, load, name):
    error = load('converting').ConversionError
    if name == 'gta':
        path, image = folder(tmp_path, 'labels') / '1.png', folder(tmp_path, 'images') / '1.png'
        Image.fromarray(np.full((*SIZE, 3), (128, 64, 128), np.uint8)).save(path)
    elif name == 'synthia':
        path, image = folder(tmp_path, 'GT', 'LABELS') / '1.png', folder(tmp_path, 'RGB') / '1.png'
        synthia_file(path, fill([1]))
    else:
        path = folder(tmp_path, 'gtFine', 'val', 'ulm') / '1_gtFine_labelIds.png'
        image = folder(tmp_path, 'leftImg8bit', 'val', 'ulm') / '1_leftImg8bit.png'
        Image.fromarray(fill([7]).astype(np.uint8)).save(path)
    Image.fromarray(np.zeros((9, 4, 3), np.uint8)).save(image)
    with pytest.raises(error, match=r'has 7×6 pixels, but .* 4×9'):
        load(name).convert(str(path))
    path.write_bytes(path.read_bytes()[:-25])
    with pytest.raises(error, match='is no complete image'):
        load(name).convert(str(path))


def test_the_command_converts_skips_and_overwrites(tmp_path):
    labels = folder(tmp_path, 'labels')
    for i in range(6):
        palette_file(labels / f'{i}.png', fill([IDS[i]]), official_palette())
    done = run('gta.py', tmp_path, '--nproc', 2)
    assert done.returncode == 0, done.stderr
    assert '6 of 6 label files to convert' in done.stdout
    assert [written(labels / f'{i}_labelTrainIds.png')[0, 0] for i in range(6)] == list(range(6))
    assert len(list(labels.iterdir())) == 12
    (labels / '0_labelTrainIds.png').unlink()
    (labels / '1_labelTrainIds.png').write_bytes(b'kept')
    assert '1 of 6 label files to convert' in run('gta.py', tmp_path).stdout
    assert (labels / '1_labelTrainIds.png').read_bytes() == b'kept'
    assert run('gta.py', tmp_path, '--overwrite', '--nproc', 1).returncode == 0
    assert written(labels / '1_labelTrainIds.png')[0, 0] == 1


def test_the_command_converts_what_it_can_and_fails(tmp_path):
    labels = folder(tmp_path, 'GT', 'LABELS')
    for i, value in enumerate([1, 99, 2, 98]):
        synthia_file(labels / f'{i}.png', fill([value]))
    done = run('synthia.py', tmp_path, '--nproc', 2)
    assert done.returncode == 1
    assert done.stderr.strip().startswith('mmuda: error: ')
    assert '1.png' in done.stderr
    assert 'unknown id 99 (and 1 more files)' in done.stderr
    assert sorted(path.name for path in labels.glob('*Ids*')) == ['0_labelTrainIds.png', '2_labelTrainIds.png']
    assert not list(labels.glob('*.part'))


@pytest.mark.parametrize('script', ['gta.py', 'synthia.py', 'cityscapes.py'])
def test_an_empty_or_missing_folder_is_an_error(tmp_path, script):
    done = run(script, tmp_path)
    assert done.returncode == 1
    assert 'error: there is no file' in done.stderr
    done = run(script, tmp_path / 'gone')
    assert done.returncode == 1
    assert "gone' does not exist" in done.stderr


def test_the_toy_command(tmp_path):
    options = ('--out', tmp_path, '--train', 2, '--val', 1, '--size', 64, 48, '--nproc', 1)
    done = run('toy_streets.py', *options)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / 'toy_streets').glob('*/*/*/*.png'))) == 12
    done = run('toy_streets.py', *options, '--shift', 0.5)
    assert done.returncode == 1
    assert done.stderr.startswith('mmuda: error: ')
    assert 'another shift' in done.stderr
