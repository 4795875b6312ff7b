"""Miniatures of public data sets in their published layouts: what the tests of converters and data sets share.

`SETS` has for each set the archives and files that its authors publish, as a dict of archive -> names -> bytes, and how
they become a data root. Archives end in what they are packed as; a name without suffix is a folder.
"""

import contextlib
import gzip
import importlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import scipy.io
from mmengine.config import Config
from PIL import Image

CONFIGS = Path(__file__).parents[1] / 'configs' / '_base_' / 'datasets'
CONVERTERS = Path(__file__).parents[1] / 'tools' / 'dataset_converters'
Files = dict[str, bytes]
HEIGHT, WIDTH = 32, 40
SIZE = (HEIGHT, WIDTH)


@dataclass(frozen=True)
class PublishedSet:
    """One data set as it is published, and what makes a data root of it."""

    archives: Callable[[], dict[str, Files]]
    folder: str
    """Its folder in the data root."""
    script: str
    """The converter, without suffix."""
    key: str | None = None
    """What the converter is told to convert, if it knows several sets."""


def png(pixels: np.ndarray) -> bytes:
    """A PNG of 8 or 16 bits; colours are BGR."""
    return cv2.imencode('.png', pixels)[1].tobytes()


def photograph(seed: int, suffix: str = '.png', size: tuple[int, int] = SIZE) -> bytes:
    """Noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def stripes(values, size: tuple[int, int] = SIZE) -> np.ndarray:
    """All values of a list as vertical stripes, int64 [H, W]."""
    return np.tile(np.asarray(values)[np.arange(size[1]) * len(values) // size[1]], (size[0], 1))


def coloured(colours, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Stripes of RGB colours, as BGR pixels."""
    return np.asarray(colours, np.uint8)[stripes(range(len(colours)), size)][..., ::-1]


def palette_png(indices: np.ndarray, palette: list[int]) -> bytes:
    """A palette image."""
    image = Image.fromarray(np.asarray(indices, np.uint8), 'P')
    image.putpalette(palette)
    file = io.BytesIO()
    image.save(file, 'PNG')
    return file.getvalue()


def tif(pixels: np.ndarray) -> bytes:
    """A TIFF; colours are BGR."""
    return cv2.imencode('.tif', pixels)[1].tobytes()


def polygons(*objects: tuple[str, list], size: tuple[int, int] = SIZE) -> bytes:
    """A scene as Cityscapes' annotation tool writes it."""
    items = [dict(label=name, polygon=corners) for name, corners in objects]
    return json.dumps(dict(imgHeight=size[0], imgWidth=size[1], objects=items)).encode()


def box(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    """Corners of a rectangle, all included."""
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def mat(**arrays) -> bytes:
    """A MATLAB file of version 5."""
    file = io.BytesIO()
    scipy.io.savemat(file, arrays)
    return file.getvalue()


def idx(array: np.ndarray) -> bytes:
    """A compressed file in MNIST's format."""
    head = bytes([0, 0, 8, array.ndim]) + b''.join(side.to_bytes(4, 'big') for side in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


def pack(archives: dict[str, Files], folder: Path) -> list[Path]:
    """Write archives and folders as they would be downloaded; returns what a converter gets as `--src`."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_packed(folder / name, files) for name, files in archives.items()]


def _packed(path: Path, files: Files) -> Path:
    if path.suffix == '.zip':
        with zipfile.ZipFile(path, 'w') as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    elif path.name.endswith(('.tar', '.tar.gz')):
        with tarfile.open(path, 'w:gz' if path.suffix == '.gz' else 'w') as archive:
            for name, content in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    else:
        for name, content in files.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(content)
    return path


# ----------------------------------------------------------------------------------------------- street scenes

CITY_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
GTA_COLOURS = [(128, 64, 128), (70, 70, 70), (0, 0, 142), (70, 130, 180), (220, 20, 60), (0, 0, 0)]
GTA_TRUTH = (0, 2, 13, 10, 11, 255)
TRAIN_IDS = [*range(19), 255]


def gta() -> dict[str, Files]:
    """Two of ten pairs of archives."""
    names = ['00001.png', '00002.png']
    return {
        '01_images.zip': {f'images/{name}': photograph(i) for i, name in enumerate(names)},
        '01_labels.zip': {f'labels/{name}': png(coloured(GTA_COLOURS)) for name in names},
    }


def synthia() -> dict[str, Files]:
    """Its .rar unpacked."""
    label = np.zeros((*SIZE, 3), np.uint16)
    label[..., 2] = stripes([3, 2, 8, 1, 10, 0])  # red for OpenCV
    label[..., 1] = 4321  # instances
    files = {}
    for i in range(2):
        files[f'RGB/{i:07d}.png'] = photograph(i)
        files[f'GT/LABELS/{i:07d}.png'] = png(label)
        files[f'GT/COLOR/{i:07d}.png'] = photograph(9)
    return {'RAND_CITYSCAPES': files}


def cityscapes() -> dict[str, Files]:
    """Label images, and one frame of polygons alone."""
    images, labels = {}, {}
    for split, city in (('train', 'ulm'), ('val', 'munster'), ('test', 'berlin')):
        stem = f'{split}/{city}/{city}_000000_000019'
        images[f'leftImg8bit/{stem}_leftImg8bit.png'] = photograph(1)
        labels[f'gtFine/{stem}_gtFine_labelIds.png'] = png(stripes([*CITY_IDS, 0]).astype(np.uint8))
        labels[f'gtFine/{stem}_gtFine_color.png'] = photograph(9)
    scene = polygons(('road', box(0, 8, 31, 23)), ('cargroup', box(4, 10, 9, 14)), ('license plate', box(5, 11, 6, 12)))
    images['leftImg8bit/train/ulm/ulm_000001_000019_leftImg8bit.png'] = photograph(2)
    labels['gtFine/train/ulm/ulm_000001_000019_gtFine_polygons.json'] = scene
    return {'leftImg8bit_trainvaltest.zip': images, 'gtFine_trainvaltest.zip': labels}


def acdc() -> dict[str, Files]:
    """Two archives; labels of four kinds, of which one counts."""
    images, labels = {}, {}
    for condition in ('fog', 'night', 'rain', 'snow'):
        for split in ('train', 'val', 'test', 'train_ref'):
            stem = f'{condition}/{split}/GOPR0402/GOPR0402_frame_000159'
            images[f'rgb_anon/{stem}_rgb_anon.png'] = photograph(3)
            if split in ('train', 'val'):
                for kind in ('labelIds', 'labelColor', 'invIds', 'labelTrainIds'):
                    labels[f'gt/{stem}_gt_{kind}.png'] = png(stripes(TRAIN_IDS).astype(np.uint8))
    return {'rgb_anon_trainvaltest.zip': images, 'gt_trainval.zip': labels}


def dark_zurich() -> dict[str, Files]:
    """Training images of three times of day, labels of the night alone."""
    train = {
        f'rgb_anon/train/{time}/GOPR0351/GOPR0351_frame_000001_rgb_anon.png': photograph(4)
        for time in ('night', 'twilight', 'day')
    }
    stem = 'val/night/GOPR0356/GOPR0356_frame_000321'
    val = {
        f'rgb_anon/{stem}_rgb_anon.png': photograph(5),
        f'gt/{stem}_gt_labelTrainIds.png': png(stripes(TRAIN_IDS).astype(np.uint8)),
        'rgb_anon/val_ref/day/GOPR0356_ref/GOPR0356_frame_000321_ref_rgb_anon.png': photograph(6),
    }
    return {'Dark_Zurich_train_anon.zip': train, 'Dark_Zurich_val_anon.zip': val}


def idd() -> dict[str, Files]:
    """Part I has PNG images, part II JPEG."""
    scene = polygons(
        ('road', box(0, 12, 31, 23)),
        ('non-drivable fallback', box(0, 12, 7, 23)),
        ('autorickshaw', box(10, 14, 13, 17)),
        ('car', box(20, 14, 23, 17)),
        ('sky', box(0, 0, 31, 5)),
    )
    parts = {}
    for number, suffix in ((1, '.png'), (2, '.jpg')):
        files = {}
        for split in ('train', 'val'):
            stem = f'{split}/{number}/frame{number}'
            files[f'IDD_Segmentation/leftImg8bit/{stem}_leftImg8bit{suffix}'] = photograph(number, suffix)
            files[f'IDD_Segmentation/gtFine/{stem}_gtFine_polygons.json'] = scene
        parts[f'idd-{number}.tar.gz'] = files
    return parts


def idd_lite() -> dict[str, Files]:
    """One archive."""
    files = {}
    for split in ('train', 'val'):
        stem = f'{split}/472/frame0992'
        files[f'idd20k_lite/leftImg8bit/{stem}_image.jpg'] = photograph(7, '.jpg')
        files[f'idd20k_lite/gtFine/{stem}_label.png'] = png(stripes([*range(7), 255]).astype(np.uint8))
        files[f'idd20k_lite/gtFine/{stem}_inst_label.png'] = png(stripes(range(4)).astype(np.uint8))
    return {'idd-lite.tar.gz': files}


def mapillary() -> dict[str, Files]:
    """Release 2.0: palette labels of both versions."""
    files = {}
    for part in ('training', 'validation'):
        files[f'{part}/images/abc.jpg'] = photograph(8, '.jpg')
        palette = np.random.default_rng(0).integers(0, 256, 3 * 66).tolist()
        files[f'{part}/v1.2/labels/abc.png'] = palette_png(stripes([13, 24, 15, 17, 55, 65, 4]), palette)
        files[f'{part}/v2.0/labels/abc.png'] = palette_png(stripes([100, 3]), palette * 2)
    return {'mapillary-vistas-dataset_public_v2.0.zip': files}


def bdd100k() -> dict[str, Files]:
    """Images and masks of train ids."""
    images, labels = {}, {}
    for split in ('train', 'val', 'test'):
        images[f'bdd100k/images/10k/{split}/0a0a0b1a.jpg'] = photograph(9, '.jpg')
        if split != 'test':
            labels[f'bdd100k/labels/sem_seg/masks/{split}/0a0a0b1a.png'] = png(stripes(TRAIN_IDS).astype(np.uint8))
            labels[f'bdd100k/labels/sem_seg/colormaps/{split}/0a0a0b1a.png'] = photograph(9)
    return {'bdd100k_images_10k.zip': images, 'bdd100k_sem_seg_labels_trainval.zip': labels}


CAMVID_COLOURS = {(128, 128, 128): 0, (64, 0, 64): 1, (0, 0, 64): 2, (128, 0, 192): 3, (0, 0, 192): 4,
                  (192, 192, 0): 5, (0, 64, 64): 6, (64, 64, 128): 7, (192, 128, 192): 8, (192, 128, 64): 9,
                  (192, 0, 192): 10, (0, 0, 0): 255}  # fmt: skip
CAMVID_FRAMES = dict(
    day_train=['0006R0_f00930', '0016E5_07920', '0016E5_08640'],
    day_val=['0016E5_07959', '0016E5_08159'],
    day_test=['Seq05VD_f00000'],
    dusk_train=['0001TP_006690', '0001TP_008520'],
    dusk_test=['0001TP_008550', '0001TP_010380'],
)


def camvid() -> dict[str, Files]:
    """Frames, and labels of 32 colours."""
    frames = [frame for part in CAMVID_FRAMES.values() for frame in part]
    label = png(coloured(list(CAMVID_COLOURS)))
    return {
        '701_StillsRaw_full.zip': {f'701_StillsRaw_full/{frame}.png': photograph(10) for frame in frames},
        'LabeledApproved_full.zip': {f'{frame}_L.png': label for frame in frames},
    }


# ----------------------------------------------------------------------------------------------- from the air

ISPRS_COLOURS = [(255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0)]


def loveda() -> dict[str, Files]:
    """Three archives; id 0 is no data."""
    archives = {}
    for split in ('Train', 'Val', 'Test'):
        files = {}
        for area in ('Rural', 'Urban'):
            files[f'{split}/{area}/images_png/0.png'] = photograph(11)
            if split != 'Test':
                files[f'{split}/{area}/masks_png/0.png'] = png(stripes(range(8)).astype(np.uint8))
        archives[f'{split}.zip'] = files
    return archives


def isprs() -> dict[str, Files]:
    """A tile of each part; labels of Vaihingen stand at the top of their archive."""
    size = (32, 1600)  # two parts of 800 columns
    label = coloured(ISPRS_COLOURS, size)
    label[0, 0] = (3, 252, 255)  # some files are not quite of the six colours
    images, rgb, labels = {}, {}, {}
    for tile in ('2_10', '6_7', '2_13', '7_13'):
        images[f'3_Ortho_IRRG/top_potsdam_{tile}_IRRG.tif'] = tif(
            coloured([(i, 2 * i, 3 * i) for i in range(80)], size)
        )
        rgb[f'2_Ortho_RGB/top_potsdam_{tile}_RGB.tif'] = photograph(12, '.tif', size)
        labels[f'5_Labels_all/top_potsdam_{tile}_label.tif'] = tif(label)
    top = {f'top/top_mosaic_09cm_area{tile}.tif': photograph(13, '.tif', size) for tile in (1, 11, 2, 38)}
    truth = {f'top_mosaic_09cm_area{tile}.tif': tif(label) for tile in (1, 11, 2, 38)}
    return {
        '3_Ortho_IRRG.zip': images,
        '2_Ortho_RGB.zip': rgb,
        '5_Labels_all.zip': labels,
        'ISPRS_semantic_labeling_Vaihingen.zip': top,
        'ISPRS_semantic_labeling_Vaihingen_ground_truth_COMPLETE.zip': truth,
    }


# ---------------------------------------------------------------------------------------------- classification


def classes_of(config: str) -> list[str]:
    """The classes of a base config, which are the names of the published folders."""
    return list(Config.fromfile(CONFIGS / f'{config}.py').val_dataloader.dataset.metainfo.classes)


def class_folders(*domains: str, classes: list[str], inside: str = '', suffix: str = '.jpg') -> Files:
    """One image of each class in each domain."""
    content = photograph(14, suffix)
    return {f'{domain}/{inside}{name}/frame_0001{suffix}': content for domain in domains for name in classes}


def office31() -> dict[str, Files]:
    """One compressed archive, without a folder around it."""
    return {
        'domain_adaptation_images.tar.gz': class_folders(
            'amazon', 'dslr', 'webcam', classes=classes_of('office31'), inside='images/'
        )
    }


def officehome() -> dict[str, Files]:
    """A folder around the domains, and lists that nobody asks for."""
    files = class_folders('Art', 'Clipart', 'Product', 'Real World', classes=classes_of('officehome'))
    files = {f'OfficeHomeDataset_10072016/{name}': content for name, content in files.items()}
    return {'OfficeHomeDataset_10072016.zip': {**files, 'OfficeHomeDataset_10072016/ImageInfo.csv': b'a,b'}}


def imageclef_da() -> dict[str, Files]:
    """Lists of `i/name.JPEG 0`."""
    files = {}
    for domain in 'icpb':
        names = [f'{domain}/n{number:02d}_1.JPEG' for number in range(12)]
        files |= {f'image_CLEF/{name}': photograph(15, '.jpg') for name in names}
        lines = '\n'.join(f'{name} {number}' for number, name in enumerate(names))
        files[f'image_CLEF/list/{domain}List.txt'] = lines.encode()
    return {'image_CLEF.zip': files}


def visda2017() -> dict[str, Files]:
    """Two plain tars with a list in each."""
    return {
        f'{split}.tar': {
            **class_folders(split, classes=classes_of('visda2017'), suffix=suffix),
            f'{split}/image_list.txt': b'a 0',
        }
        for split, suffix in (('train', '.png'), ('validation', '.jpg'))
    }


def pacs() -> dict[str, Files]:
    """Images and lists whose numbers begin with 1."""
    classes, domains = (
        ('dog', 'elephant', 'giraffe', 'guitar', 'horse', 'house', 'person'),
        ('art_painting', 'cartoon', 'photo', 'sketch'),
    )
    files = {f'PACS/kfold/{name}': content for name, content in class_folders(*domains, classes=list(classes)).items()}
    for domain in domains:
        lines = '\n'.join(f'{domain}/{name}/frame_0001.jpg {number}' for number, name in enumerate(classes, 1)).encode()
        for part in ('train', 'crossval', 'test'):
            files[f'PACS/splits/{domain}_{part}_kfold.txt'] = lines
    return {'PACS.zip': files}


def domainnet() -> dict[str, Files]:
    """One archive a domain, and two lists of each beside them; an image a class."""
    classes = ['aircraft_carrier', *(f'class_{number:03}' for number in range(1, 344)), 'zigzag']
    lists, archives = {}, {}
    for domain in ('clipart', 'infograph', 'painting', 'quickdraw', 'real', 'sketch'):
        names = [f'{domain}/{name}/{domain}_000001.jpg' for name in classes]
        archives[f'{domain}.zip'] = dict.fromkeys(names, photograph(16, '.jpg'))
        lines = '\n'.join(f'{name} {number}' for number, name in enumerate(names)).encode()
        lists |= {f'{domain}_{part}.txt': lines for part in ('train', 'test')}
    return {**archives, 'lists': lists}


def cifar10() -> dict[str, Files]:
    """The binary version."""
    record = np.random.default_rng(17).integers(0, 256, (20, 3073)).astype(np.uint8)
    record[:, 0] = np.arange(20) % 10
    names = [*(f'data_batch_{i}' for i in range(1, 6)), 'test_batch']
    files = {f'cifar-10-batches-bin/{name}.bin': record.tobytes() for name in names}
    return {'cifar-10-binary.tar.gz': {**files, 'cifar-10-batches-bin/batches.meta.txt': b'airplane'}}


def digit_images(count: int, *shape: int) -> np.ndarray:
    """uint8 noise."""
    return np.random.default_rng(count).integers(0, 256, (count, *shape)).astype(np.uint8)


def one_hot(count: int) -> np.ndarray:
    """Digits 0 to 9 again and again."""
    return np.eye(10)[np.arange(count) % 10]


def digit_five() -> dict[str, Files]:
    """Six MATLAB files, each with arrays of its own names and axes."""
    column = (np.arange(20) % 10)[:, None]
    svhn = dict(X=digit_images(20, 32, 32, 3).transpose(1, 2, 3, 0), y=np.where(column == 0, 10, column))
    usps = np.empty((2, 2), object)
    for row in range(2):
        usps[row, 0], usps[row, 1] = digit_images(20, 1, 28, 28) / 255, column
    files = {
        'mnist_data.mat': mat(
            train_32=digit_images(20, 32, 32),
            test_32=digit_images(20, 32, 32),
            train_28=digit_images(20, 28, 28, 1),
            label_train=one_hot(20),
            label_test=one_hot(20),
        ),
        'mnistm_with_label.mat': mat(
            train=digit_images(20, 28, 28, 3),
            test=digit_images(20, 28, 28, 3),
            label_train=one_hot(20),
            label_test=one_hot(20),
        ),
        'svhn_train_32x32.mat': mat(**svhn),
        'svhn_test_32x32.mat': mat(**svhn),
        'syn_number.mat': mat(
            train_data=digit_images(20, 32, 32, 3),
            test_data=digit_images(20, 32, 32, 3),
            train_label=column,
            test_label=column,
        ),
        'usps_28x28.mat': mat(dataset=usps),
    }
    return {'Digit-Five.zip': {f'Digit-Five/{name}': content for name, content in files.items()}}


def digits() -> dict[str, Files]:
    """SVHN's and MNIST's own files."""
    labels = np.arange(20) % 10
    svhn = mat(X=digit_images(20, 32, 32, 3).transpose(1, 2, 3, 0), y=np.where(labels == 0, 10, labels)[:, None])
    files = {'train_32x32.mat': svhn, 'test_32x32.mat': svhn}
    for part in ('train', 't10k'):
        files[f'{part}-images-idx3-ubyte.gz'] = idx(digit_images(20, 28, 28))
        files[f'{part}-labels-idx1-ubyte.gz'] = idx(labels)
    return {'downloads': files}


SETS = {
    'gta': PublishedSet(gta, 'gta', 'gta'),
    'synthia': PublishedSet(synthia, 'synthia', 'synthia'),
    'cityscapes': PublishedSet(cityscapes, 'cityscapes', 'cityscapes'),
    'acdc': PublishedSet(acdc, 'acdc', 'unpack', 'acdc'),
    'dark_zurich': PublishedSet(dark_zurich, 'dark_zurich', 'unpack', 'dark_zurich'),
    'idd': PublishedSet(idd, 'idd', 'idd'),
    'idd_lite': PublishedSet(idd_lite, 'idd_lite', 'unpack', 'idd_lite'),
    'mapillary': PublishedSet(mapillary, 'mapillary', 'unpack', 'mapillary'),
    'bdd100k': PublishedSet(bdd100k, 'bdd100k', 'unpack', 'bdd100k'),
    'camvid': PublishedSet(camvid, 'camvid_day_dusk', 'camvid'),
    'loveda': PublishedSet(loveda, 'loveda', 'unpack', 'loveda'),
    'isprs': PublishedSet(isprs, 'isprs', 'isprs'),
    'office31': PublishedSet(office31, 'office31', 'unpack', 'office31'),
    'officehome': PublishedSet(officehome, 'officehome', 'unpack', 'officehome'),
    'imageclef_da': PublishedSet(imageclef_da, 'imageclef_da', 'unpack', 'imageclef_da'),
    'visda2017': PublishedSet(visda2017, 'visda2017', 'unpack', 'visda2017'),
    'pacs': PublishedSet(pacs, 'pacs', 'unpack', 'pacs'),
    'domainnet': PublishedSet(domainnet, 'domainnet', 'unpack', 'domainnet'),
    'cifar10': PublishedSet(cifar10, 'cifar-10-batches-bin', 'unpack', 'cifar10'),
    'digit_five': PublishedSet(digit_five, 'digit_five', 'digit_five'),
    'digits': PublishedSet(digits, 'digits', 'digits'),
}


def converter(name: str):
    """A module of tools/dataset_converters, which find each other only where they lie."""
    with contextlib.ExitStack() as after:
        sys.path.insert(0, str(CONVERTERS))
        after.callback(sys.path.remove, str(CONVERTERS))
        return importlib.import_module(name)


def conversion_of(name: str):
    """The rules and published numbers of one of `SETS`."""
    published = SETS[name]
    module = converter(published.script)
    return module.SETS[published.key] if published.key else module.CONVERSION


def convert_published(name: str, folder: Path) -> Path:
    """Download (write), convert, and return the data set's folder in the data root `folder / 'data'`."""
    published = SETS[name]
    paths = pack(published.archives(), folder / 'downloads' / name)
    out = folder / 'data' / published.folder
    errors = converter('converting').convert(conversion_of(name).rules, list(map(str, paths)), str(out))
    assert errors == []
    return out
