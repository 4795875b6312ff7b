"""One file, one answer: formats × layouts × orientation tags × readers, and what each refuses."""

import io
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile
from mmcv.transforms import Compose
from PIL import Image, ImageOps, PngImagePlugin

from mmuda.apis.image_pipeline import split_pipeline
from mmuda.apis.predictions import as_rgb, load_again
from mmuda.datasets import DataError, LoadImage
from mmuda.datasets.image_header import MAX_PIXELS
from mmuda.datasets.listing import IMAGE_SUFFIXES
from mmuda.datasets.own_readers import use_own_readers
from mmuda.datasets.reading import (
    decode_ids,
    decode_image,
    examine_image,
    examine_label,
    read_facts,
    read_ids,
    read_image,
    read_rgb,
)

RNG = np.random.default_rng(0)
COLORS = cv2.GaussianBlur(RNG.integers(0, 256, (12, 20, 3), dtype=np.uint8), (0, 0), 2)
PICTURE = Image.fromarray(COLORS)
IDS = RNG.integers(0, 5, (12, 20), dtype=np.uint8)
LAYOUTS = {
    'JPEG': ('L', 'RGB', 'CMYK'),
    'PNG': ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'I;16'),
    'TIFF': ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'I;16'),
    'WEBP': ('RGB', 'RGBA'),
    'AVIF': ('RGB', 'RGBA'),
    'BMP': ('1', 'L', 'P', 'RGB'),
    'GIF': ('L', 'P'),
    'PPM': ('1', 'L', 'RGB', 'I;16'),
    'JPEG2000': ('L', 'RGB', 'RGBA'),
}
TURNABLE = ('JPEG', 'PNG', 'TIFF', 'WEBP', 'AVIF')
MATRIX = [
    (kind, mode, tag)
    for kind, modes in LAYOUTS.items()
    for mode in modes
    for tag in (range(1, 9) if kind in TURNABLE and mode in ('L', 'RGB', 'I;16', 'CMYK') else [1])
]
STOCK = [dict(type='LoadImageFromFile'), dict(type='mmseg.LoadAnnotations'), dict(type='mmseg.PackSegInputs')]
READERS = {
    'read_image': lambda path: read_image(path),
    'read_rgb': lambda path: read_rgb(path)[..., ::-1],
    'examine_image': lambda path: examine_image(path).pixels,
    'decode_image': lambda path: decode_image(Path(path).read_bytes()),
    'LoadImage': lambda path: LoadImage()(dict(img_path=path))['img'],
    'a stock step': lambda path: Compose(use_own_readers(STOCK)[:1])(dict(img_path=path))['img'],
    'infer': lambda path: Compose(split_pipeline(STOCK, 3)[0])(dict(img_path=path))['img'],
    'show-dir': lambda path: as_rgb(load_again(SimpleNamespace(pipeline=Compose([LoadImage()])), path))[..., ::-1],
    'unchanged': lambda path: bgr(LoadImage('unchanged')(dict(img_path=path))['img']),
}


def as_layout(mode):
    if mode == 'I;16':
        return Image.fromarray(COLORS[..., 0].astype(np.uint16) * 256 + 77)
    return PICTURE.convert('RGBA').convert(mode) if mode == 'LA' else PICTURE.convert(mode)


def save(path, image, kind='PNG', tag=1, **options):
    exif = Image.Exif()
    exif[274] = tag
    image.save(path, kind, **(dict(exif=exif) if tag != 1 else {}), **options)
    return str(path)


def bgr(pixels):
    """What `unchanged` gives as 8-bit colours."""
    pixels = (pixels // 256 if pixels.max() > 255 else pixels).astype(np.uint8)
    if pixels.ndim == 2 or pixels.shape[2] == 2:
        return cv2.cvtColor(np.ascontiguousarray(np.atleast_3d(pixels)[..., 0]), cv2.COLOR_GRAY2BGR)
    return pixels[..., :3]


def shown(path):
    """What Pillow shows, by another way than ours: in BGR."""
    with open(path, 'rb') as file:  # by its name, Pillow maps some TIFFs into memory and forgets to turn them
        image = ImageOps.exif_transpose(Image.open(file))
    if image.mode in ('I', 'I;16'):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    return np.asarray(image.convert('RGB'))[..., ::-1]


@pytest.mark.parametrize('kind, mode, tag', MATRIX)
def test_all_readers_see_what_is_shown(tmp_path, kind, mode, tag):
    path = save(tmp_path / 'x', as_layout(mode), kind, tag)
    expected = shown(path)
    assert expected.shape == ((20, 12, 3) if tag > 4 else (12, 20, 3))
    for name, read in READERS.items():
        assert (read(path) == expected).all(), name
    grey = read_image(path, 'grayscale')
    assert (grey == cv2.cvtColor(np.ascontiguousarray(expected), cv2.COLOR_BGR2GRAY)).all()
    facts = read_facts(path)
    assert facts.size == expected.shape[1::-1]
    assert facts.orientation == tag


@pytest.mark.parametrize('tag', range(1, 9))
def test_common_files_are_what_a_stock_loader_gives(tmp_path, tag):
    for kind in ('JPEG', 'PNG'):
        path = save(tmp_path / 'x', PICTURE, kind, tag)
        assert (read_image(path) == cv2.imread(path)).all()


def test_a_tag_behind_the_pixels_of_a_png_counts(tmp_path):
    content = io.BytesIO()
    save(content, PICTURE, tag=6)
    whole = content.getvalue()
    start = whole.index(b'eXIf') - 4
    size = 12 + int.from_bytes(whole[start : start + 4])
    chunk, rest = whole[start : start + size], whole[:start] + whole[start + size :]
    end = rest.index(b'IEND') - 4
    (tmp_path / 'x.png').write_bytes(rest[:end] + chunk + rest[end:])
    assert read_image(str(tmp_path / 'x.png')).shape == (20, 12, 3)
    assert read_facts(str(tmp_path / 'x.png')).size == (12, 20)


@pytest.mark.parametrize('tag', [1, 6])
def test_the_header_of_a_png_is_read_without_its_pixels(tmp_path, monkeypatch, tag):
    path = save(tmp_path / 'x.png', PICTURE, tag=tag)
    monkeypatch.setattr(PngImagePlugin.PngImageFile, 'load', lambda image: pytest.fail('decoded'))
    assert read_facts(path).orientation == tag


def test_a_tag_in_a_text_behind_the_pixels_of_a_png_counts(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add(b'tEXt', b'XML:com.adobe.xmp\0<x tiff:Orientation="6"/>', after_idat=True)
    path = save(tmp_path / 'x.png', PICTURE, pnginfo=text)
    assert read_facts(path).orientation == 6


BANDS = {
    '4 colours and infrared': (np.uint8, 4, 'rgb', [2, 1, 0, 3]),
    '4 bands': (np.uint8, 4, 'minisblack', [0, 1, 2, 3]),
    '6 bands': (np.uint16, 6, 'minisblack', [0, 1, 2, 3, 4, 5]),
    '3 float colours': (np.float32, 3, 'rgb', [2, 1, 0]),
    '2 bands': (np.uint8, 2, 'minisblack', [0, 1]),
    '16-bit colours': (np.uint16, 3, 'rgb', [2, 1, 0]),
}


@pytest.mark.parametrize('planar', ['contig', 'separate'])
@pytest.mark.parametrize('dtype, count, photometric, order', BANDS.values(), ids=BANDS)
def test_unchanged_has_every_band_and_bit(tmp_path, dtype, count, photometric, order, planar):
    values = (RNG.random((12, 20, count)) * 60000).astype(dtype)
    stored = values if planar == 'contig' else np.moveaxis(values, -1, 0)
    path = str(tmp_path / 'x.tif')
    tifffile.imwrite(path, stored, photometric=photometric, planarconfig=planar, extratags=[(274, 3, 1, 3, True)])
    read = LoadImage('unchanged')(dict(img_path=path))['img']
    assert (read == values[::-1, ::-1, order]).all()
    assert read.dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    facts = read_facts(path)
    assert (facts.bands, facts.dtype, facts.orientation) == (count, np.dtype(dtype).name, 3)


def test_deep_colours_of_a_png(tmp_path):
    values = RNG.integers(0, 65536, (12, 20, 3), dtype=np.uint16)
    path = str(tmp_path / 'x.png')
    cv2.imwrite(path, values)
    assert (read_image(path, 'unchanged') == values).all()
    assert (read_image(path) == values >> 8).all()


@pytest.mark.parametrize(
    'values, what',
    [
        (np.ones((12, 20), np.float32), r'1 band\(s\) of float32'),
        (np.ones((12, 20), np.int32), r'1 band\(s\) of int32'),
        (np.ones((12, 20, 6), np.uint8), r'6 band\(s\) of uint8'),
    ],
)
def test_what_has_no_colours_is_refused_as_such(tmp_path, values, what):
    planar = 'contig' if values.ndim == 3 else None
    tifffile.imwrite(tmp_path / 'x.tif', values, photometric='minisblack', planarconfig=planar)
    with pytest.raises(DataError, match=rf"x\.tif' has {what}, which are no 8-bit colours.*color_type='unchanged'"):
        read_image(str(tmp_path / 'x.tif'))
    assert (np.squeeze(read_image(str(tmp_path / 'x.tif'), 'unchanged')) == values).all()


@pytest.mark.parametrize('sizes, refused', [([(20, 12)], True), ([(10, 6)], False), ([(20, 12), (10, 6)], True)])
def test_a_stack_of_pages_is_no_image_and_overviews_are_harmless(tmp_path, sizes, refused):
    path = str(tmp_path / 'x.tif')
    PICTURE.save(path, save_all=True, append_images=[PICTURE.resize(size) for size in sizes])
    if refused:
        with pytest.raises(DataError, match=rf"x\.tif' has {len(sizes) + 1} pages of one size: write one image a file"):
            read_image(path)
    else:
        for color_type in ('color', 'unchanged'):
            assert (read_image(path, color_type) == COLORS[..., ::-1]).all()


def test_pixels_without_a_value_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / 'x.tif', np.array([[1, np.nan]], np.float32))
    with pytest.raises(DataError, match='pixels without a value'):
        read_image(str(tmp_path / 'x.tif'), 'unchanged')


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.bmp'])
def test_a_huge_image_is_large_not_damaged(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr('mmuda.datasets.image_header.MAX_PIXELS', 200)
    path = tmp_path / f'x{suffix}'
    PICTURE.save(path)
    with pytest.raises(DataError, match=r'20×12 pixels, and images of more than 0 million are not read: cut it'):
        read_image(str(path))


def test_the_limit_is_our_own(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 10)
    assert read_image(save(tmp_path / 'x', PICTURE)).shape == (12, 20, 3)
    assert Image.MAX_IMAGE_PIXELS == 10
    assert MAX_PIXELS == 16384**2


LABELS = {
    'L': lambda: Image.fromarray(IDS),
    'P': lambda: paletted(IDS),
    'I;16': lambda: Image.fromarray(IDS.astype(np.uint16) * 1000),
    'grey RGB': lambda: Image.fromarray(IDS).convert('RGB'),
    'grey RGBA': lambda: Image.fromarray(np.dstack([IDS, IDS, IDS, RNG.integers(0, 256, IDS.shape, np.uint8)])),
    'LA': lambda: Image.fromarray(IDS).convert('LA'),
}


def paletted(ids):
    image = Image.fromarray(ids, 'P')
    image.putpalette(RNG.permutation(256).astype(np.uint8).repeat(3).tobytes())
    return image


@pytest.mark.parametrize('tag', [1, 3, 6])
@pytest.mark.parametrize('kind', ['PNG', 'TIFF'])
@pytest.mark.parametrize('layout', LABELS)
def test_a_label_map_is_its_ids(tmp_path, layout, kind, tag):
    path = save(tmp_path / 'x', LABELS[layout](), kind, tag)
    expected = IDS.astype(int) * (1000 if layout == 'I;16' else 1)
    expected = {1: expected, 3: expected[::-1, ::-1], 6: expected[::-1].T}[tag]
    for ids in (read_ids(path), examine_label(path).pixels, decode_ids(Path(path).read_bytes())):
        assert (ids == expected).all()
        assert ids.dtype.kind in 'iu'


def test_other_label_files(tmp_path):
    for kind, image in (('BMP', Image.fromarray(IDS)), ('GIF', paletted(IDS)), ('PPM', Image.fromarray(IDS))):
        assert (read_ids(save(tmp_path / 'x', image, kind)) == IDS).all()
    assert (read_ids(save(tmp_path / 'x', Image.fromarray(IDS > 2))) == (IDS > 2)).all()
    for dtype in (np.float32, np.int32, np.int16):
        tifffile.imwrite(tmp_path / 'x.tif', IDS.astype(dtype))
        assert (read_ids(str(tmp_path / 'x.tif')) == IDS).all()


@pytest.mark.parametrize(
    'name, write, text',
    [
        ('x.png', lambda path: PICTURE.save(path), 'has 3 channels of colours: label maps have one'),
        ('x.jpg', lambda path: Image.fromarray(IDS).save(path), 'is a JPEG, whose compression changes ids'),
        ('x.tif', lambda path: tifffile.imwrite(path, IDS + np.float32(0.5)), 'has values that are no whole numbers'),
    ],
)
def test_what_is_no_label_map(tmp_path, name, write, text):
    write(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name}' {text}"):
        read_ids(str(tmp_path / name))
    assert text in examine_label(str(tmp_path / name)).problem


@pytest.mark.parametrize('share', [0.0, 0.3, 0.9, 0.995])
@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'TIFF', 'BMP'])
def test_a_truncated_file_is_refused(tmp_path, kind, share):
    noise = Image.fromarray(RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8))
    path = save(tmp_path / 'street', noise, kind)
    whole = (tmp_path / 'street').read_bytes()
    (tmp_path / 'street').write_bytes(whole[: int(len(whole) * share)])
    for read in (read_image, read_ids) if kind != 'JPEG' else (read_image,):
        with pytest.raises(DataError, match=r"street' is no complete image \(\d+ bytes"):
            read(path)
    assert 'is no complete image' in examine_image(path).problem


@pytest.mark.parametrize('kind', ['PNG', 'JPEG'])
def test_bytes_after_the_end_are_harmless(tmp_path, kind):
    path = save(tmp_path / 'x', PICTURE, kind)
    expected = read_image(path)
    (tmp_path / 'x').write_bytes((tmp_path / 'x').read_bytes() + b'\0' * 7)
    assert (read_image(path) == expected).all()


@pytest.mark.parametrize('kind, mode', [('JPEG', 'RGB'), ('PNG', 'L'), ('PNG', 'P'), ('TIFF', 'RGB')])
def test_a_file_is_decoded_once(tmp_path, kind, mode, monkeypatch):
    path = save(tmp_path / 'x', as_layout(mode), kind, 6)
    decoded = []
    for owner, name in ((cv2, 'imdecode'), (Image.Image, 'tobytes')):
        original = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, o=original, n=name, **k: (decoded.append(n), o(*a, **k))[1])
    read_image(path)
    assert len(decoded) == 1


def test_what_is_no_file_or_no_image(tmp_path):
    (tmp_path / 'a.png').write_text('not an image')
    with pytest.raises(DataError, match=r"a.png' is no complete image \(12 bytes; of no known image format\)"):
        read_image(str(tmp_path / 'a.png'))
    with pytest.raises(DataError, match=r"gone.png' cannot be read: No such file"):
        read_image(str(tmp_path / 'gone.png'))
    examined = examine_image(str(tmp_path / 'gone.png'))
    assert (examined.facts, examined.pixels) == (None, None)
    assert 'cannot be read: No such file' in examined.problem


@pytest.mark.parametrize('suffix', IMAGE_SUFFIXES)
def test_every_suffix_that_is_listed_can_be_read(tmp_path, suffix):
    path = tmp_path / f'x{suffix}'
    kind = {'.apng': 'PNG', '.jpe': 'JPEG', '.mpo': 'MPO', '.dib': 'DIB'}.get(suffix)
    image = PICTURE.convert('1' if suffix == '.pbm' else 'L' if suffix == '.pgm' else 'RGB')
    image.save(path, kind)
    assert (read_image(str(path)) == shown(path)).all()
