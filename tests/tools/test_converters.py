"""Converters of data sets: what each makes of its published layout, and the engine that they share.

Expected values are written down again here, beside the converters' own tables.
"""

import importlib
import io
import json
import os
import re
import runpy
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmcv')

from published_sets import (
    CAMVID_COLOURS,
    CAMVID_FRAMES,
    CONVERTERS,
    SETS,
    SIZE,
    box,
    conversion_of,
    convert_published,
    converter,
    mat,
    pack,
    palette_png,
    photograph,
    png,
    polygons,
    stripes,
)

from mmuda.datasets import DataError

ALL_TRAIN_IDS = (*range(19), 255)
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
# Of each set: how many files it makes, one of its label maps, and its stripes (or a dict: pixel to value).
MADE = {
    'gta': (4, 'labels/00001_labelTrainIds.png', (0, 2, 13, 10, 11, 255)),
    'synthia': (4, 'GT/LABELS/0000000_labelTrainIds.png', (0, 2, 13, 10, 11, 255)),
    'cityscapes': (6, 'gtFine/val/munster/munster_000000_000019_gtFine_labelTrainIds.png', ALL_TRAIN_IDS),
    'acdc': (20, 'gt/night/val/GOPR0402/GOPR0402_frame_000159_gt_labelTrainIds.png', ALL_TRAIN_IDS),
    'dark_zurich': (5, 'gt/val/night/GOPR0356/GOPR0356_frame_000321_gt_labelTrainIds.png', ALL_TRAIN_IDS),
    'idd': (
        8,
        'gtFine/train/2/frame2_gtFine_labelTrainIds.png',
        {(0, 0): 10, (8, 0): 255, (15, 3): 9, (15, 9): 0, (15, 11): 255, (15, 21): 13, (23, 31): 0},
    ),
    'idd_lite': (4, 'gtFine/val/472/frame0992_label.png', (*range(7), 255)),
    'mapillary': (4, 'validation/v1.2/labels/abc.png', None),
    'bdd100k': (5, 'labels/sem_seg/masks/val/0a0a0b1a.png', ALL_TRAIN_IDS),
    'camvid': (20, 'dusk/labels/test/0001TP_010380.png', tuple(CAMVID_COLOURS.values())),
    'loveda': (10, 'Val/Rural/masks_png/0.png', range(8)),
    'isprs': (40, 'vaihingen/labels/test/38/0_1.png', (3, 4, 5)),
    'office31': (93, None, None),
    'officehome': (260, None, None),
    'imageclef_da': (39, None, None),
    'visda2017': (24, None, None),
    'pacs': (40, None, None),
    'domainnet': (6 * 345 + 12, None, None),  # images and lists
    'cifar10': (6, None, None),
    'digit_five': (5, None, None),
    'digits': (2, None, None),
}


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}


def written(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def run(capsys, monkeypatch, script: str, *args) -> tuple[int, str]:
    """Exit status of a converter's command line, run in this process, and what it prints."""
    monkeypatch.setattr(sys, 'argv', [script, *map(str, args)])
    monkeypatch.syspath_prepend(str(CONVERTERS))
    status = 0
    try:
        runpy.run_path(str(CONVERTERS / script), run_name='__main__')
    except SystemExit as stop:
        status = stop.code
    printed = capsys.readouterr()
    return status, printed.out + printed.err


# ------------------------------------------------------------------------------------------------ every data set


def test_a_command_fills_the_folder_that_the_configs_read():
    """The commands that the converters show; a folder without --out is converted in its place."""
    for script in sorted({published.script for published in SETS.values()}):
        folders = {published.folder for published in SETS.values() if published.script == script}
        shown = re.findall(r'^    python .*data/([\w-]+)$', converter(script).__doc__, re.MULTILINE)
        assert shown, script
        assert set(shown) <= folders, script


def test_every_converter_has_a_miniature():
    scripts = {path.stem for path in CONVERTERS.glob('*.py') if 'CONVERSION = ' in path.read_text()}
    assert {SETS[name].script for name in SETS} == scripts | {'unpack'}
    assert {published.key for published in SETS.values()} - {None} == set(converter('unpack').SETS)
    assert list(MADE) == list(SETS)


@pytest.mark.parametrize('name', SETS)
def test_a_set_is_made_from_its_archives(tmp_path, name):
    """All of it; and a second run makes what is lost and leaves what is there."""
    count, label, values = MADE[name]
    out = convert_published(name, tmp_path)
    made = files_of(out)
    assert len(made) == count
    if values is not None:
        check_label(written(out / label), values)
    check_second_run(name, tmp_path / 'downloads' / name, out)


def check_label(pixels: np.ndarray, values) -> None:
    assert pixels.dtype == np.uint8
    if isinstance(values, dict):
        assert {place: pixels[place] for place in values} == values
    else:
        assert (pixels[-1] == stripes(values, pixels.shape)[-1]).all()


def check_second_run(name: str, downloads: Path, out: Path) -> None:
    engine, conversion, made = converter('converting'), conversion_of(name), files_of(out)
    lost, kept = min(made), max(made)
    if name == 'isprs':  # its outputs are folders, which are there as a whole
        lost = os.path.dirname(lost)
        shutil.rmtree(out / lost)
    else:
        (out / lost).unlink()
        leftover = out / os.path.dirname(lost) / f'.{os.path.basename(lost)}.0123abcd.part'
        leftover.write_bytes(b'half of it')
    (out / kept).write_bytes(b'kept')
    assert engine.convert(conversion.rules, sorted(map(str, downloads.iterdir())), str(out)) == []
    assert files_of(out) == made | {kept: b'kept'}
    if not kept.endswith('.npz'):
        for line in engine.report(conversion.published, str(out)):
            assert not re.match(r'.*: 0 of', line), line


def test_camvid_goes_where_the_lists_of_segnet_put_it(tmp_path):
    out = convert_published('camvid', tmp_path)
    for part, frames in CAMVID_FRAMES.items():
        light, split = part.split('_')
        for kind in ('images', 'labels'):
            names = sorted(path.stem for path in (out / light / kind / split).iterdir())
            assert names == sorted(frames)


def test_camvid_parts_are_those_of_the_real_frames(data_root):
    """705 frames of which at least 639 are at hand: each is put where the published lists have it."""
    root, parts = data_root / 'camvid_day_dusk', converter('camvid').PARTS
    if not root.is_dir():
        pytest.skip(f'{root} is not there')
    for folder, frames in parts.items():
        where = root / folder.format('images')
        for path in where.glob('*.jpg') if where.is_dir() else ():
            assert [name for name, other in parts.items() if re.fullmatch(other, path.stem)] == [folder], path
            assert re.fullmatch(frames, path.stem)


def test_the_parts_of_an_ortho_photograph_fit_together():
    pixels = np.arange(2546 * 1281, dtype=np.int32).reshape(2546, 1281).astype(np.uint8)
    parts = converter('isprs').cut(pixels)
    assert sorted(parts) == ['0_0.png', '1_0.png', '2_0.png']
    assert (np.concatenate([parts[f'{row}_0.png'] for row in range(3)]) == pixels).all()
    assert {part.shape for part in parts.values()} <= {(848, 1281), (849, 1281)}


def test_the_tiles_of_the_towns():
    """38 of Potsdam and 33 of Vaihingen, as the contest has them."""
    module = converter('isprs')
    grid = [f'{row}_{column}' for row in range(2, 8) for column in range(7, 16)]
    counts = {part: sum(bool(re.fullmatch(tiles, tile)) for tile in grid) for part, tiles in module.POTSDAM.items()}
    assert counts == dict(train=24, test=14)
    areas = {part: {i for i in range(1, 39) if re.fullmatch(tiles, str(i))} for part, tiles in module.VAIHINGEN.items()}
    assert (len(areas['train']), len(areas['test']), areas['train'] & areas['test']) == (16, 17, set())


@pytest.mark.parametrize('name', ['digit_five', 'digits'])
def test_arrays_are_images_and_digits(tmp_path, name):
    for path in convert_published(name, tmp_path).iterdir():
        with np.load(path, allow_pickle=False) as arrays:
            for part in ('train', 'test'):
                images, classes = arrays[f'x_{part}'], arrays[f'y_{part}']
                assert images.dtype == classes.dtype == np.uint8
                assert images.shape in [(20, 32, 32), (20, 28, 28), (20, 32, 32, 3), (20, 28, 28, 3)]
                assert classes.tolist() == [i % 10 for i in range(20)]
                shape = images.shape[1:]
                assert (images == np.random.default_rng(20).integers(0, 256, (20, *shape))).all()


def test_nothing_is_unpickled():
    """CIFAR-10's Python version is pickles: it is not read. Nor does anything here import pickle."""
    sources = [path.read_text() for path in CONVERTERS.glob('*.py')]
    assert not any(
        re.search(r'^\s*(import|from) (pickle|dill|joblib|shelve)|allow_pickle=True', s, re.M) for s in sources
    )


def test_the_python_version_of_cifar10_is_refused(tmp_path):
    (archive,) = pack({'cifar-10-python.tar.gz': {'cifar-10-batches-py/data_batch_1': b'a pickle'}}, tmp_path)
    with pytest.raises(DataError, match=r'there is no file cifar-10-batches-bin/.*cifar-10-python'):
        converter('converting').convert(conversion_of('cifar10').rules, [str(archive)], str(tmp_path / 'out'))


# -------------------------------------------------------------------------------------------------- label tables


def fill(values):
    """All values of a list on a small map, the last one repeated."""
    flat = np.full(42, values[-1])
    flat[: len(values)] = values
    return flat.reshape(6, 7)


def expected(values, table):
    return np.vectorize(lambda value: table.get(int(value), 255))(fill(values))


def official_palette():
    """As in the published files: index = id, license plate last; duplicates included."""
    colours = dict(zip(IDS, COLOURS))
    rest = {5: 1, 6: 2, 9: 3, 10: 4, 14: 5, 15: 6, 16: 7, 29: 8, 30: 9}
    colours.update(dict.fromkeys(range(5), (0, 0, 0)))
    colours.update({i: UNUSED_COLOURS[k] for i, k in rest.items()})
    colours.update({18: (153, 153, 153), 34: (0, 0, 142)})
    return [channel for i in range(35) for channel in colours[i]]


def rgb_png(pixels) -> bytes:
    return png(np.ascontiguousarray(np.asarray(pixels, np.uint8)[..., ::-1]))


def synthia_png(ids) -> bytes:
    pixels = np.zeros((*np.shape(ids), 3), np.uint16)
    pixels[..., 2] = ids  # red for OpenCV
    pixels[..., 1] = 4321  # instances
    return png(pixels)


def test_gta_palette_files_of_every_id():
    labels = converter('gta').train_ids(palette_png(fill(range(35)), official_palette()))
    assert (labels == expected(range(35), dict(zip(IDS, range(19))))).all()


def test_gta_files_of_every_colour():
    numbers = fill(range(29))
    labels = converter('gta').train_ids(rgb_png(np.array(COLOURS + UNUSED_COLOURS)[numbers]))
    assert (labels == np.where(numbers < 19, numbers, 255)).all()


def test_gta_another_palette_goes_by_colour():
    content = palette_png(fill(range(19)), [channel for colour in COLOURS for channel in colour])
    assert (converter('gta').train_ids(content) == fill(range(19))).all()


@pytest.mark.parametrize('mode', ['P', 'RGB', 'L'])
def test_gta_unknown_values_are_named(mode):
    if mode == 'P':
        content = palette_png(fill([0, 1]), [128, 64, 128, 1, 2, 3])
    else:
        file = io.BytesIO()
        Image.fromarray(np.full((6, 7, 3), (1, 2, 3), np.uint8)).convert(mode).save(file, 'PNG')
        content = file.getvalue()
    with pytest.raises(DataError, match='is a L image' if mode == 'L' else r'unknown colour \(1, 2, 3\)'):
        converter('gta').train_ids(content)


def how(name: str, end: str):
    """The function of the rule whose input ends so."""
    rules = [rule for rule in conversion_of(name).rules if str(rule.inputs).endswith(end)]
    return rules[0].how


def test_synthia_files_of_every_id():
    (rule,) = [rule for rule in conversion_of('synthia').rules if 'LABELS' in rule.inputs]
    assert (rule.how(synthia_png(fill(range(23)))) == expected(range(23), SYNTHIA)).all()
    with pytest.raises(DataError, match='has the unknown id 23, 600'):
        rule.how(synthia_png(fill([1, 23, 600])))


@pytest.mark.parametrize('value', [-1, -2, 8, 1 << 30])
def test_ids_beside_a_table_are_unknown(value):
    look_up = converter('label_maps').look_up
    assert look_up(np.array([[7, 2]], np.int32), {2: 0, 7: 1}).tolist() == [[1, 0]]
    with pytest.raises(DataError, match=f'unknown id {value}$'):
        look_up(np.array([[7, value]], np.int32), {2: 0, 7: 1})


def test_cityscapes_files_of_every_id():
    labels = how('cityscapes', 'labelIds.png')(png(fill(range(34)).astype(np.uint8)))
    assert (labels == expected(range(34), dict(zip(IDS, range(19))))).all()
    with pytest.raises(DataError, match='it has 3 channels'):
        how('cityscapes', 'labelIds.png')(photograph(0))


def test_cityscapes_polygons_cover_each_other():
    content = polygons(
        ('road', box(0, 2, 6, 5)),
        ('cargroup', box(2, 3, 4, 4)),
        ('license plate', box(3, 3, 3, 3)),
        ('caravan', box(5, 3, 6, 4)),
        size=(6, 7),
    )
    content = content.replace(
        b'"objects": [', b'"objects": [{"label": "bus", "polygon": [[0, 0], [6, 5]], "deleted": 1}, '
    )
    truth = np.full((6, 7), 255)
    truth[2:] = 0
    truth[3:5, 2:5] = 13
    truth[3:5, 5:] = 255
    assert (how('cityscapes', 'polygons.json')(content) == truth).all()


@pytest.mark.parametrize('name', ['cityscapes', 'idd'])
@pytest.mark.parametrize(
    'content, text',
    [
        (b'{"imgWidth": 3}', 'no file of polygons'),
        (b'{', 'no file of polygons'),
        (polygons(('boat', box(0, 0, 1, 1))), "unknown label 'boat'"),
    ],
)
def test_broken_polygons_are_named(name, content, text):
    with pytest.raises(DataError, match=text):
        how(name, 'polygons.json')(content)


def test_idd_knows_every_name_of_its_own_tools():
    table = converter('idd').TRAIN_ID
    assert len(table) == 40
    assert (table['non-drivable fallback'], table['rider'], table['autorickshaw']) == (9, 12, 255)
    assert set(table.values()) == {*range(19), 255}


def test_cityscapes_prefers_the_label_image(tmp_path):
    ids, scene = png(stripes([7]).astype(np.uint8)), polygons(('car', box(0, 0, 31, 23)))
    files = {'gtFine/train/ulm/a_gtFine_labelIds.png': ids, 'gtFine/train/ulm/a_gtFine_polygons.json': scene,
             'gtFine/train/ulm/b_gtFine_polygons.json': scene}  # fmt: skip
    (folder,) = pack({'cityscapes': files}, tmp_path)
    assert converter('converting').convert(conversion_of('cityscapes').rules, [str(folder)], str(folder)) == []
    values = {stem: written(folder / f'gtFine/train/ulm/{stem}_gtFine_labelTrainIds.png')[0, 0] for stem in 'ab'}
    assert values == dict(a=0, b=13)


@pytest.mark.parametrize(
    'arrays, text',
    [
        (dict(x=np.zeros(3)), "has the arrays x and no 'train_32'"),
        (None, 'no complete MATLAB file'),
        (dict(train_32=np.zeros((3, 4, 4))), "no 'label_train'"),
        (dict(train_32=np.zeros((3, 4, 4)), label_train=[1, 2]), '3 images and 2 classes of the train part'),
        (dict(train_32=np.full((2, 4, 4), 300), label_train=[1, 2]), 'values from 300 to 300'),
        (dict(train_32=np.zeros((2, 4)), label_train=[1, 2]), r'the shape \(2, 4\)'),
        (dict(train_32=np.zeros((2, 4, 4)), label_train=[1, 12]), 'not numbers from 0 to 10'),
    ],
)
def test_arrays_that_are_no_digits_are_refused(arrays, text):
    test = dict(test_32=np.zeros((1, 4, 4)), label_test=[1])
    content = b'no such file' * 20 if arrays is None else mat(**arrays, **(test if 'label_train' in arrays else {}))
    with pytest.raises(DataError, match=text):
        how('digit_five', 'mnist_data.mat')(content)


def test_a_cut_idx_file_is_refused():
    whole = bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3])
    assert converter('arrays')._idx(whole).tolist() == [1, 2, 3]
    for content in (whole[:-1], whole + b'x', b'', b'\x1f\x8b broken'):
        with pytest.raises(DataError, match='complete'):
            converter('arrays')._idx(content)


# ------------------------------------------------------------------------------------------------------ the engine


@pytest.fixture
def engine():
    return converter('converting')


@pytest.fixture
def rules(engine):
    """Two kinds of files: copies, and label maps that belong to them."""
    image = 'images/{split:train|val}/{stem}.png'
    labels = converter('label_maps').from_ids
    return (
        converter('rules').as_published(image),
        converter('rules').Rule(
            'labels/{split:train|val}/{stem}.png', 'made/{split}/{stem}.png', lambda b: labels(b, {7: 0}), image
        ),
    )


def frames(count: int, value: int = 7) -> dict[str, bytes]:
    label = png(np.full(SIZE, value, np.uint8))
    return {
        f'{kind}/train/{i}.png': content
        for i in range(count)
        for kind, content in (('images', photograph(i)), ('labels', label))
    }


@pytest.mark.parametrize('name', ['set.zip', 'set.tar', 'set.tar.gz', 'set'])
@pytest.mark.parametrize('top, nproc', [('', 1), ('published_2017/deep/', 2), ('./', 1)])
def test_folders_and_archives_give_the_same(tmp_path, engine, rules, name, top, nproc):
    files = {top + path: content for path, content in frames(5).items()}
    junk = {'__MACOSX/images/train/._0.png': b'x', f'{top}images/train/.hidden.png': b'x', f'{top}images/0.png': b'x'}
    (path,) = pack({name: {**files, **junk}}, tmp_path)
    assert engine.convert(rules, [str(path)], str(tmp_path / 'out'), nproc) == []
    made = files_of(tmp_path / 'out')
    assert sorted(made) == sorted(f'{kind}/train/{i}.png' for kind in ('images', 'made') for i in range(5))
    assert all(made[f'images/train/{i}.png'] == photograph(i) for i in range(5))
    assert (written(tmp_path / 'out/made/train/3.png') == 0).all()


def archive_with(path: Path, name: str, link: str | None = None) -> Path:
    """An archive of one hostile member beside a good one."""
    if path.suffix == '.zip':
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('images/train/0.png', photograph(0))
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16 if link else 0
            archive.writestr(info, link or 'content')
        return path
    with tarfile.open(path, 'w') as archive:
        for member, content in (
            (tarfile.TarInfo('images/train/0.png'), photograph(0)),
            (tarfile.TarInfo(name), b'content'),
        ):
            member.size = len(content)
            if link and member.name == name:
                member.type, member.linkname, member.size = tarfile.SYMTYPE, link, 0
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize('suffix', ['.zip', '.tar'])
@pytest.mark.parametrize(
    'name', ['../images/train/1.png', '/images/train/1.png', 'a/../../1.png', 'C:/images/train/1.png']
)
def test_members_that_leave_the_archive_are_refused(tmp_path, engine, rules, suffix, name):
    path = archive_with(tmp_path / f'bad{suffix}', name)
    with pytest.raises(DataError, match=rf"bad{suffix}' holds '.*1.png', which leaves the archive's folder"):
        engine.convert(rules, [str(path)], str(tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('suffix', ['.zip', '.tar'])
def test_links_inside_an_archive_are_neither_followed_nor_made(tmp_path, engine, rules, suffix):
    secret = tmp_path / 'secret.png'
    secret.write_bytes(b'secret')
    path = archive_with(tmp_path / f'linked{suffix}', 'images/train/1.png', str(secret))
    with pytest.raises(DataError, match=rf"'images/train/1.png' in '.*linked{suffix}' is a link"):
        engine.convert(rules, [str(path)], str(tmp_path / 'out'))
    path = archive_with(tmp_path / f'beside{suffix}', 'readme', str(secret))
    assert engine.convert(rules, [str(path)], str(tmp_path / 'out')) == []
    assert list(files_of(tmp_path / 'out')) == ['images/train/0.png']


def test_links_of_a_folder_are_followed_and_a_circle_ends(tmp_path, engine, rules):
    (folder,) = pack({'real': frames(2)}, tmp_path)
    (folder / 'images/train/round').symlink_to(folder / 'images', target_is_directory=True)
    (tmp_path / 'linked').mkdir()
    (tmp_path / 'linked' / 'images').symlink_to(folder / 'images', target_is_directory=True)
    assert engine.convert(rules, [str(tmp_path / 'linked')], str(tmp_path / 'out')) == []
    assert list(files_of(tmp_path / 'out')) == ['images/train/0.png', 'images/train/1.png']


@pytest.mark.parametrize('name', ['set.zip', 'set.tar', 'set.tar.gz'])
def test_a_cut_archive_is_named(tmp_path, engine, rules, name):
    (path,) = pack({name: frames(9)}, tmp_path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    try:
        errors = engine.convert(rules, [str(path)], str(tmp_path / 'out'))
    except DataError as error:
        errors = [str(error)]
    assert errors
    assert all(name in error and 'download it again' in error for error in errors)


@pytest.mark.parametrize(
    'name, text',
    [('gone.zip', 'does not exist'), ('a.rar', 'no zip or tar archive: unpack it'), ('a.zip', 'no complete')],
)
def test_what_is_no_archive_is_named(tmp_path, engine, rules, name, text):
    if name != 'gone.zip':
        (tmp_path / name).write_bytes(b'nothing of the kind')
    with pytest.raises(DataError, match=text):
        engine.convert(rules, [str(tmp_path / name)], str(tmp_path / 'out'))


def test_an_output_is_whole_or_not_there(tmp_path, engine, monkeypatch):
    """A folder of parts that an interruption left half-written is made again; nothing else stays."""
    (source,) = pack({'set': {'tiles/1.tif': b'1', 'tiles/2.tif': b'2'}}, tmp_path)
    out = tmp_path / 'out'
    rule = converter('rules').Rule('tiles/{stem}.tif', 'parts/{stem}', lambda content: dict(a=content, b=content * 2))
    (out / 'parts' / '.1.parts').mkdir(parents=True)
    (out / 'parts' / '.1.parts' / 'old').write_bytes(b'half')
    real = engine._write
    monkeypatch.setattr(
        engine, '_write', lambda content, path: 1 / 0 if path.endswith('2.parts/b') else real(content, path)
    )
    with pytest.raises(ZeroDivisionError):
        engine.convert((rule,), [str(source)], str(out))
    monkeypatch.undo()
    assert sorted(path.name for path in (out / 'parts').iterdir()) == ['.2.parts', '1']
    assert engine.convert((rule,), [str(source)], str(out)) == []
    assert files_of(out) == {'parts/1/a': b'1', 'parts/1/b': b'11', 'parts/2/a': b'2', 'parts/2/b': b'22'}


def test_a_file_of_another_size_or_cut_short_is_named_and_the_others_are_made(tmp_path, engine, rules):
    files = frames(4)
    files['images/train/1.png'] = photograph(1, size=(9, 4))
    files['labels/train/2.png'] = files['labels/train/2.png'][:-25]
    files['labels/train/3.png'] = png(np.full(SIZE, 99, np.uint8))
    (source,) = pack({'set.zip': files}, tmp_path)
    errors = engine.convert(rules, [str(source)], str(tmp_path / 'out'))
    for error, text in zip(errors, ('1.png.*has 40×32 pixels, but .*1.png. 4×9', '2.png.*no complete', '3.png.*id 99')):
        assert re.search(text, error), error
    assert len(errors) == 3
    assert sorted(path.name for path in (tmp_path / 'out' / 'made' / 'train').iterdir()) == ['0.png']


def test_a_label_map_fits_its_image_as_it_is_shown(tmp_path, engine, rules):
    """The orientation tag of an image is applied wherever it is read."""
    height, width = SIZE
    turned = Image.Exif()
    turned[274] = 6
    content = io.BytesIO()
    Image.new('RGB', (height, width)).save(content, 'PNG', exif=turned)
    files = {**frames(1), 'images/train/0.png': content.getvalue()}
    (source,) = pack({'set.zip': files}, tmp_path)
    assert engine.convert(rules, [str(source)], str(tmp_path / 'out')) == []


def test_two_files_of_one_name_are_refused(tmp_path, engine, rules):
    paths = pack({'a.zip': frames(1), 'b.zip': frames(1)}, tmp_path)
    with pytest.raises(DataError, match=r"'.*a.zip/images/train/0.png' and '.*b.zip/.*' would both become '.*0.png'"):
        engine.convert(rules, list(map(str, paths)), str(tmp_path / 'out'))


def test_files_that_belong_together_are_looked_for(tmp_path, engine):
    rule = converter('rules').Rule(('{part}_x.bin', '{part}_y.bin'), '{part}.bin', lambda x, y: x + y)
    paths = pack({'first': {'a_x.bin': b'1', 'b_x.bin': b'2'}, 'second': {'a_y.bin': b'3'}}, tmp_path)
    with pytest.raises(DataError, match=r"'.*first/b_x.bin' needs 'b_y.bin' beside it"):
        engine.convert((rule,), list(map(str, paths)), str(tmp_path / 'out'))
    (paths[1] / 'b_y.bin').write_bytes(b'4')
    assert engine.convert((rule,), list(map(str, paths)), str(tmp_path / 'out')) == []
    assert files_of(tmp_path / 'out') == {'a.bin': b'13', 'b.bin': b'24'}


@pytest.mark.parametrize(
    'template, name, fits',
    [
        ('{city}/{city}_{frame}.png', 'ulm/ulm_1.png', True),
        ('{city}/{city}_{frame}.png', 'ulm/bonn_1.png', False),
        ('labels/{stem}.png', 'top/labels/a.png', True),
        ('labels/{stem}.png', 'labels/deeper/a.png', False),
        ('labels/{stem}.png', 'mylabels/a.png', False),
        (r'{stem:\d+}.png', 'labels/12.png', True),
        (r'{stem:\d+}.png', 'labels/12_x.png', False),
        ('a.b/{stem}', 'aXb/c', False),
    ],
)
def test_templates(engine, template, name, fits):
    assert bool(converter('rules')._expression(template).fullmatch(name)) == fits


def test_the_command_converts_in_place_skips_and_overwrites(tmp_path, capsys, monkeypatch):
    files = {f'labels/{i:05d}.png': palette_png(stripes([IDS[i]]), official_palette()) for i in range(6)}
    (root,) = pack({'gta': {**files, 'images/00000.png': photograph(0)}}, tmp_path)
    labels = root / 'labels'
    status, out = run(capsys, monkeypatch, 'gta.py', '--src', root, '--nproc', 2)
    assert (status, '6 of 7 files to make' in out) == (0, True)
    assert 'labels/*_labelTrainIds.png: 6 of 24,966 published' in out
    assert 'name the other archives in --src too' in out
    assert [written(labels / f'{i:05d}_labelTrainIds.png')[0, 0] for i in range(6)] == list(range(6))
    assert len(files_of(root)) == 13
    (labels / '00000_labelTrainIds.png').unlink()
    (labels / '00001_labelTrainIds.png').write_bytes(b'kept')
    assert '1 of 7 files to make' in run(capsys, monkeypatch, 'gta.py', '--src', root)[1]
    assert (labels / '00001_labelTrainIds.png').read_bytes() == b'kept'
    assert run(capsys, monkeypatch, 'gta.py', '--src', root, '--overwrite', '--nproc', 1)[0] == 0
    assert written(labels / '00001_labelTrainIds.png')[0, 0] == 1
    assert (root / 'images/00000.png').read_bytes() == photograph(0)


def test_the_command_converts_what_it_can_and_fails(tmp_path, capsys, monkeypatch):
    files = {f'GT/LABELS/{i}.png': synthia_png(stripes([value])) for i, value in enumerate([1, 99, 2, 98])}
    (root,) = pack({'synthia': files}, tmp_path)
    status, out = run(capsys, monkeypatch, 'synthia.py', '--src', root, '--nproc', 1)
    assert status == 1
    assert re.search(r"mmuda: error: '.*1.png': it has the unknown id 99 \(and 1 more files\)\n$", out)
    assert sorted(path.name for path in root.rglob('*Ids*')) == ['0_labelTrainIds.png', '2_labelTrainIds.png']
    assert not list(root.rglob('*.part'))


@pytest.mark.parametrize('content', [b'', b'PK broken', None])
def test_a_broken_archive_among_the_outputs_is_named(tmp_path, engine, content):
    path = tmp_path / 'digits.npz'
    if content is None:
        np.savez(path, x=[1])
    else:
        path.write_bytes(content)
    with pytest.raises(engine.DataError, match=r"digits.npz' is no complete archive with the array 'y' .*--overwrite"):
        list(engine.report({'digits.npz:y': 5}, str(tmp_path)))


def test_a_folder_that_is_made_again_takes_nothing_of_others_with_it(tmp_path, engine):
    rule = converter('rules').Rule(
        'images/{stem}.png', 'parts/{stem}', lambda content: {'0.png': content, '1.png': b''}
    )
    (root,) = pack({'set': {'images/a.png': b'one', 'images/b.png': b'two'}}, tmp_path)
    out = tmp_path / 'out'
    assert engine.convert([rule], [str(root)], str(out)) == []
    (out / 'parts/a/notes.txt').write_text('mine')
    (out / 'parts/b/0.png').write_text('spoilt')
    (error,) = engine.convert([rule], [str(root)], str(out), overwrite=True)
    assert f"it would replace the folder '{out}/parts/a', which holds 'notes.txt', too: move that elsewhere" in error
    assert (out / 'parts/a/notes.txt').read_text() == 'mine'
    assert (out / 'parts/b/0.png').read_text() == 'two'


@pytest.mark.parametrize('script', ['gta.py', 'synthia.py', 'cityscapes.py', 'unpack.py'])
def test_an_empty_or_missing_folder_is_an_error(tmp_path, capsys, monkeypatch, script):
    first = ['office31'] if script == 'unpack.py' else []
    for path, text in ((tmp_path, 'there is no file'), (tmp_path / 'gone', 'does not exist')):
        status, out = run(capsys, monkeypatch, script, *first, '--src', path, '--out', tmp_path / 'out')
        assert (status, text in out, 'mmuda: error: ' in out) == (1, True, True)
    status, out = run(capsys, monkeypatch, script, *first, '--src', tmp_path / 'a.zip')
    assert (status, 'mmuda: error: --out is missing' in out) == (1, True)


def test_a_folder_in_its_layout_is_only_counted(tmp_path, capsys, monkeypatch):
    out = convert_published('office31', tmp_path)
    before = {path: path.stat().st_mtime_ns for path in out.rglob('*')}
    status, text = run(capsys, monkeypatch, 'unpack.py', 'office31', '--src', out)
    assert (status, '0 of 93 files to make' in text, 'webcam/images/*/*: 31 of 795 published' in text) == (
        0,
        True,
        True,
    )
    assert {path: path.stat().st_mtime_ns for path in out.rglob('*')} == before


def test_real_sets_are_counted_in_place(data_root, capsys, monkeypatch):
    for name, text in (('office31', 'amazon/images/*/*: 2,817 of 2,817 published'), ('idd_lite', '0 of 3010 files')):
        if (data_root / name).is_dir():
            status, out = run(capsys, monkeypatch, 'unpack.py', name, '--src', data_root / name)
            assert (status, text in out) == (0, True)


@pytest.mark.slow
def test_a_killed_conversion_goes_on_where_it_was(tmp_path):
    """Every output of a killed run is whole; the next run makes the rest."""
    label = palette_png(stripes([7, 26], (1052, 1914)), official_palette())
    (root,) = pack({'gta': {f'labels/{i:05d}.png': label for i in range(300)}}, tmp_path)
    command = [sys.executable, str(CONVERTERS / 'gta.py'), '--src', str(root), '--nproc', '2']
    process = subprocess.Popen(
        command, env={**os.environ, 'PYTHONPATH': str(CONVERTERS.parents[1])}, start_new_session=True
    )
    made = []
    while process.poll() is None and len(made) < 20:
        time.sleep(0.05)
        made = list(root.rglob('*_labelTrainIds.png'))
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    made = list(root.rglob('*_labelTrainIds.png'))
    assert 20 <= len(made) < 300
    assert all(path.read_bytes().endswith(b'IEND\xaeB`\x82') for path in made)
    assert converter('converting').convert(conversion_of('gta').rules, [str(root)], str(root)) == []
    assert len(list(root.rglob('*_labelTrainIds.png'))) == 300
    assert not list(root.rglob('*.part'))


def test_the_benchmark_compares_one_process_with_several(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(CONVERTERS))
    monkeypatch.syspath_prepend(str(CONVERTERS.parent / 'benchmark'))
    benchmark = importlib.import_module('conversion')
    monkeypatch.setattr(benchmark, 'HEIGHT', 20)
    archive = benchmark.write_labels(tmp_path, 8, seed=0)
    work = benchmark.conversion(archive, tmp_path / 'out')
    times = {nproc: [benchmark.spend(work, nproc)] for nproc in (1, 2)}
    assert len(files_of(tmp_path / 'out')) == 8
    assert benchmark.spend(benchmark.examination(tmp_path), 1).main > 0
    assert [row[:2] for row in benchmark.rows('zip', times, 8)] == [('zip', '1'), ('zip', '2')]
    spent = {1: [benchmark.Spent(4.0, 4.0, 4.0)], 2: [benchmark.Spent(2.5, 0.2, 4.2)]}
    assert [row[2:] for row in benchmark.rows('x', spent, 8)] == [
        ('4.00', '2', '4.00', '1.00', '1.00'),
        ('2.50', '3', '4.20', '1.60', '1.82'),
    ]


def test_the_toy_command(tmp_path, capsys, monkeypatch):
    options = ('--out', tmp_path, '--train', 2, '--val', 1, '--size', 64, 48, '--nproc', 1)
    assert run(capsys, monkeypatch, 'toy_streets.py', *options)[0] == 0
    assert len(list((tmp_path / 'toy_streets').glob('*/*/*/*.png'))) == 12
    status, out = run(capsys, monkeypatch, 'toy_streets.py', *options, '--shift', 0.5)
    assert (status, 'error: ' in out, 'another shift' in out) == (1, True, True)


# ------------------------------------------------------------------------------------------------ your own colours

OWN_CLASSES = dict(classes=['ground', 'lane', 'car'], palette=[[0, 0, 0], [255, 255, 0], [9, 8, 7]])


@pytest.fixture
def coloured(tmp_path):
    """`coloured(map)`: a command line for a class map; two label images, a palette one and one with transparency."""
    colours = np.array(OWN_CLASSES['palette'], np.uint8)
    for name, mode in (('a/1.PNG', 'P'), ('a/2.tif', 'RGB'), ('b/1.webp', 'RGBA')):
        path = tmp_path / 'colours' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(colours[fill(range(3))]).convert(mode)
        if mode == 'P':
            image = Image.fromarray(fill(range(3)).astype(np.uint8), 'P')
            image.putpalette(colours.ravel().tolist())
        image.save(path, **(dict(lossless=True, exact=True) if mode == 'RGBA' else {}))

    def arguments(**changes) -> list:
        (tmp_path / 'classes.json').write_text(json.dumps(OWN_CLASSES | changes))
        return ['--src', tmp_path / 'colours', '--out', tmp_path / 'labels', '--class-map', tmp_path / 'classes.json']

    return arguments


def test_colours_become_the_classes_of_a_class_map(tmp_path, coloured, capsys, monkeypatch):
    status, said = run(capsys, monkeypatch, 'colours.py', *coloured())
    assert (status, '3 of 3 files' in said) == (0, True)
    assert sorted(files_of(tmp_path / 'labels')) == ['a/1.png', 'a/2.png', 'b/1.png']
    for name in files_of(tmp_path / 'labels'):
        assert (written(tmp_path / 'labels' / name) == fill(range(3))).all()


def test_label_images_stay_where_they_would_become_themselves(tmp_path, coloured, capsys, monkeypatch):
    (tmp_path / 'colours/a/1.PNG').rename(tmp_path / 'colours/a/1.png')
    before = files_of(tmp_path / 'colours')
    for out in (['--out', tmp_path / 'colours'], []):
        words = [word for word in coloured() if word not in ('--out', tmp_path / 'labels')]
        status, said = run(capsys, monkeypatch, 'colours.py', *words, *out, '--overwrite')
        assert (status, "colours/a/1.png' would be converted in its own place: give another" in said) == (1, True)
    assert files_of(tmp_path / 'colours') == before


def test_a_colour_of_no_class_is_named_or_ignored(tmp_path, coloured, capsys, monkeypatch):
    fewer = dict(classes=['ground', 'lane'], palette=OWN_CLASSES['palette'][:2])
    status, said = run(capsys, monkeypatch, 'colours.py', *coloured(**fewer))
    assert status == 1
    remedy = r'give it a class in the class map, or say "other": "ignore" there'
    assert re.search(rf"colours/a/1\.PNG': it has the unknown colour \(9, 8, 7\): {remedy} \(and 2 more files\)", said)
    assert run(capsys, monkeypatch, 'colours.py', *coloured(**fewer, other='ignore'))[0] == 0
    expected = np.where(fill(range(3)) == 2, 255, fill(range(3)))
    assert (written(tmp_path / 'labels/b/1.png') == expected).all()


@pytest.mark.parametrize(
    'changes, text',
    [
        (dict(palette=None), 'has no `palette`'),
        (dict(map={'7': 'lane'}), 'has a `map` of ids'),
        (dict(palette=[[0, 0, 0], [1, 1, 1], [0, 0, 0]]), "'ground' and 'car' have one colour (0, 0, 0)"),
        (dict(palette=[[0, 0, 0]]), '3 classes, but 1 colours'),
    ],
)
def test_a_class_map_without_a_colour_for_each_class_is_refused(coloured, capsys, monkeypatch, changes, text):
    status, said = run(capsys, monkeypatch, 'colours.py', *coloured(**changes))
    assert status == 1
    assert text in said
