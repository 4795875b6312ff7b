"""What an image file says of itself before it is decoded, and how large it may be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from .errors import DataError

MAX_PIXELS = 1 << 28
"""The largest image that is read, in pixels: 16384 × 16384."""
GREY16 = ('I;16', 'I;16L', 'I;16B', 'I;16N')
"""Pillow's layouts of 16-bit grey."""

_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_ORIENTATION, _BITS, _SAMPLES = 274, 258, 277  # numbers of tags
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap width and height
_PNG = b'\x89PNG\r\n\x1a\n'
_PNG_TEXTS = (b'tEXt', b'zTXt', b'iTXt')  # chunks that may hold tags, too
_PNG_DEPTH = 24  # the byte of a PNG that says how many bits a value has


@dataclass(frozen=True)
class ImageFacts:
    """Size, channels and depth that the header of an image file says.

    Args:
        format: such as `JPEG`, `PNG` or `TIFF`.
        mode: Pillow's name of the layout, such as `L`, `RGB`, `P` or `I;16`; `bands` where Pillow has none.
        size: width and height as the image is shown, after its orientation tag.
        bands: how many values a pixel has.
        bits: of a value, as stored.
        dtype: of a value, such as `uint8`.
        orientation: the EXIF tag; 1 is upright.
    """

    format: str
    mode: str
    size: tuple[int, int]
    bands: int
    bits: int
    dtype: str
    orientation: int


def read_header(content: bytes, name: str) -> tuple[Image.Image | None, ImageFacts]:
    """Return Pillow's image, not decoded yet (None for a TIFF that is beyond Pillow), and the facts.

    Args:
        content: of the file.
        name: what errors call it.

    Raises:
        DataError: A file that is no image, or larger than `MAX_PIXELS`.
    """
    try:
        image = _open(content)
        facts = _page_facts(first_page(content)) if image is None else _facts(image, content)
        pages = _stacked_pages(content)
    except Exception as error:
        raise damaged(content, name, error) from error
    if pages:
        raise DataError(f'{name} has {pages} pages of one size: write one image a file, its bands into one page.')
    width, height = facts.size
    if width * height > MAX_PIXELS:
        raise DataError(
            f'{name} has {width}×{height} pixels, and images of more than {MAX_PIXELS / 1e6:.0f} million are not '
            'read: cut it into tiles.'
        )
    return image, facts


def first_page(content: bytes):
    """Return the first page of a TIFF, as tifffile reads it."""
    import tifffile

    return tifffile.TiffFile(io.BytesIO(content)).pages[0]


def _stacked_pages(content: bytes) -> int:
    """Tell how many pages a TIFF has whose second is as large as its first; a smaller one is an overview."""
    if not is_tiff(content):
        return 0
    import tifffile

    with tifffile.TiffFile(io.BytesIO(content)) as file:
        first, second = file.pages[0], file.pages[1] if len(file.pages) > 1 else None
        if second is None or second.is_mask or second.is_reduced:
            return 0
        same = (first.imagewidth, first.imagelength) == (second.imagewidth, second.imagelength)
        return len(file.pages) if same else 0


def is_tiff(content: bytes) -> bool:
    """Tell whether a file begins like a TIFF."""
    return content[:4] in _TIFF


def fits_pillow(image: Image.Image | None) -> bool:
    """Tell whether Pillow's layout has every band and every bit of a TIFF."""
    if image is None:
        return False
    bands = len(image.getbands())
    return image.tag_v2.get(_SAMPLES, 1) == bands and (bands == 1 or _tiff_bits(image) <= 8)


def damaged(content: bytes, name: str, error: Exception) -> DataError:
    """Return the error about a file that cannot be decoded."""
    return DataError(f'{name} is no complete image ({len(content)} bytes; {error}): copy or convert it again.')


def _open(content: bytes) -> Image.Image | None:
    try:
        with _own_size_limit():
            return Image.open(io.BytesIO(content))
    except UnidentifiedImageError:  # its words are about the buffer, not the file
        if is_tiff(content):
            return None
        raise UnidentifiedImageError('of no known image format') from None


@contextmanager
def _own_size_limit() -> Iterator[None]:
    """Keep Pillow from calling a large image an attack: `MAX_PIXELS` is the limit."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _facts(image: Image.Image, content: bytes) -> ImageFacts:
    if image.format == 'TIFF':
        orientation, bits = image.tag_v2.get(_ORIENTATION, 1), _tiff_bits(image)
        bands, size = image.tag_v2.get(_SAMPLES, 1), image.size  # Pillow gives this size as the image is shown
    else:
        orientation = _exif(image, content).get(_ORIENTATION, 1)
        bits = content[_PNG_DEPTH] if image.format == 'PNG' else 16 if image.mode in ('I', *GREY16) else 8
        bands, size = len(image.getbands()), image.size[:: -1 if orientation in _SIDEWAYS else 1]
    dtype = {'I': 'int32', 'F': 'float32'}.get(image.mode, 'uint16' if bits == 16 else 'uint8')
    return ImageFacts(image.format, image.mode, size, bands, bits, dtype, orientation)


def _tiff_bits(image: Image.Image) -> int:
    return max(image.tag_v2.get(_BITS, (1,)))


def _exif(image: Image.Image, content: bytes) -> Image.Exif:
    """Return tags of the header, or of a PNG that has them behind its pixels.

    Pillow decodes a whole PNG without tags to see whether some follow, so the names of its chunks are looked at before.
    """
    if image.format != 'PNG' or 'exif' in image.info:
        return image.getexif()
    chunks = dict(_png_chunks(content))
    if b'eXIf' in chunks:
        exif = Image.Exif()
        exif.load(content[chunks[b'eXIf']])
        return exif
    pixels = chunks.get(b'IDAT', slice(0)).start or 0
    has_late_text = any(chunks[kind].start > pixels for kind in _PNG_TEXTS if kind in chunks)
    return image.getexif() if has_late_text else Image.Image.getexif(image)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, slice]]:
    """Yield names of a PNG's chunks and where their content is."""
    start = len(_PNG)
    while start + 8 <= len(content):
        end = start + 8 + int.from_bytes(content[start : start + 4], 'big')
        yield content[start + 4 : start + 8], slice(start + 8, end)
        start = end + 4


def _page_facts(page) -> ImageFacts:
    orientation = int(page.tags.valueof(_ORIENTATION, 1))
    size = (page.imagewidth, page.imagelength)[:: -1 if orientation in _SIDEWAYS else 1]
    mode = 'RGB' if page.photometric.name == 'RGB' and page.samplesperpixel >= 3 else 'bands'
    return ImageFacts('TIFF', mode, size, page.samplesperpixel, page.bitspersample, str(page.dtype), orientation)
