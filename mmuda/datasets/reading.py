"""Read images and label maps: the one reader of training, inference, tools and converters.

One rule each, whatever the format:

* An orientation tag (EXIF) is applied, to images and to label maps alike. A label map fits its image as it is shown.
* As `color`, every image is uint8 [H, W, 3] in BGR: grey is repeated, palettes and CMYK become colours, transparency
  and other bands beside the colours are dropped, 16-bit values keep their high byte. Values without a fixed scale
  (float, 32-bit) and bands that are no colours are refused.
* As `grayscale`, uint8 [H, W]: ITU-R BT.601 of these colours.
* As `unchanged`, [H, W] or [H, W, bands] with every band and bit of the file; palettes, CMYK and YCbCr still become
  colours. The first three bands are BGR where the file says that they are colours, others keep the file's order.
* A label map has one channel of ids. Palettes count by their indices, and RGB(A) files that are grey by that grey.
* Of several frames, or beside overviews, the first counts; pages of one size are refused. Colour profiles are ignored.

Complete 8-bit JPEG and PNG files are decoded by OpenCV, others by Pillow, which tells when a file is cut short, and
what Pillow cannot hold by tifffile. A file is decoded once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from mmengine import fileio

from .errors import DataError
from .image_header import GREY16, ImageFacts, damaged, first_page, fits_pillow, is_tiff, read_header

COLOR_TYPES = ('color', 'grayscale', 'unchanged')

_ENDS = {b'\xff\xd8\xff': b'\xff\xd9', b'\x89PN': b'IEND\xaeB`\x82'}
_SHOWN_AS = {'P': 'RGB', 'PA': 'RGBA', '1': 'L', 'CMYK': 'RGB', 'YCbCr': 'RGB'}
_TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: pixels[::-1].swapaxes(0, 1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: pixels[:, ::-1].swapaxes(0, 1),
}
"""What an orientation tag asks for; 1, or no tag, asks for nothing."""


@dataclass(frozen=True)
class Examined:
    """Result of looking at a file: facts where its header could be read, and pixels or a problem."""

    path: str
    facts: ImageFacts | None = None
    pixels: np.ndarray | None = None
    problem: str | None = None


def read_image(path: str, color_type: str = 'color', backend_args: dict | None = None) -> np.ndarray:
    """Return the pixels of an image file, by the rules above.

    Args:
        path: file, or address that `backend_args` can open.
        color_type: `color`, `grayscale` or `unchanged`.
        backend_args: of mmengine's `fileio`.

    Raises:
        DataError: A file that is missing, damaged, too large, or not of a kind that `color_type` can show.
    """
    return _open(path, backend_args).image(color_type)


def read_rgb(path: str) -> np.ndarray:
    """Return an image file as uint8 [H, W, 3] in RGB, for pictures."""
    return np.ascontiguousarray(read_image(str(path))[..., ::-1])


def read_ids(path: str, backend_args: dict | None = None) -> np.ndarray:
    """Return the ids of a label file, integers [H, W] as they stand in it.

    Raises:
        DataError: A file that is missing, damaged, too large, or no map of ids.
    """
    return _open(path, backend_args).ids()


def read_facts(path: str, backend_args: dict | None = None) -> ImageFacts:
    """Read the header of an image file, without decoding it.

    Raises:
        DataError: A file that is missing, too large, or no image.
    """
    return _open(path, backend_args).facts


def decode_image(content: bytes, color_type: str = 'color', name: str = 'it') -> np.ndarray:
    """Read an image as `read_image` does, from the content of a file (in an archive, say); errors call it `name`."""
    return _File(content, name).image(color_type)


def decode_ids(content: bytes, name: str = 'it') -> np.ndarray:
    """Read ids as `read_ids` does, from the content of a file."""
    return _File(content, name).ids()


def facts_of(content: bytes, name: str = 'it') -> ImageFacts:
    """Read facts as `read_facts` does, from the content of a file."""
    return _File(content, name).facts


def examine_image(path: str, color_type: str = 'color') -> Examined:
    """Look at an image file wholly, without raising."""
    return _examine(path, lambda file: file.image(color_type))


def examine_label(path: str) -> Examined:
    """Look at a label file wholly, without raising."""
    return _examine(path, lambda file: file.ids())


def _examine(path: str, decode: Callable[[_File], np.ndarray]) -> Examined:
    facts = None
    try:
        file = _open(path)
        facts = file.facts
        return Examined(path, facts, decode(file))
    except Exception as error:
        sentence = str(error) if isinstance(error, DataError) else f"'{path}' cannot be read: {error!r}."
        return Examined(path, facts, problem=sentence)


def _open(path: str, backend_args: dict | None = None) -> _File:
    try:
        content = fileio.get(path, backend_args=backend_args)
    except OSError as error:
        raise DataError(f"'{path}' cannot be read: {error.strerror or error}.") from error
    return _File(content, f"'{path}'")


class _File:
    """The content of one image file: its header read, its pixels not decoded yet."""

    def __init__(self, content: bytes, name: str) -> None:
        self.content, self.name = content, name
        self.header, self.facts = read_header(content, name)

    def image(self, color_type: str) -> np.ndarray:
        """Return pixels, upright, blue before red."""
        if color_type == 'unchanged':
            return self._finite(self._bands())
        color = self._color()
        return cv2.cvtColor(color, cv2.COLOR_BGR2GRAY) if color_type == 'grayscale' else color

    def ids(self) -> np.ndarray:
        """Return ids as stored, upright."""
        if self.facts.format in ('JPEG', 'MPO'):
            raise DataError(f'{self.name} is a JPEG, whose compression changes ids: write label maps as PNG.')
        bands = self._bands(indices=True)
        ids = bands if bands.ndim == 2 else self._single(bands)
        if ids.dtype.kind == 'f':
            ids = self._whole(ids)
        return ids.astype(np.uint8) if ids.dtype == bool else ids

    def _color(self) -> np.ndarray:
        """Return uint8 [H, W, 3] in BGR."""
        if self._is_common():
            pixels = self._by_opencv(cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
            if pixels is not None:
                return pixels
        mode = self.facts.mode
        if self.header is None or (mode in ('I', 'F') and self.facts.format == 'TIFF'):
            raise DataError(
                f'{self.name} has {self.facts.bands} band(s) of {self.facts.dtype}, which are no 8-bit colours: load '
                "it with dict(type='mmuda.LoadImage', color_type='unchanged'), and give the network's `in_channels` "
                'and the `mean` and `std` of these values.'
            )
        if mode in ('I', *GREY16):
            grey = (self._by_pillow() >> 8).astype(np.uint8)
            return cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        return cv2.cvtColor(self._by_pillow('RGB'), cv2.COLOR_RGB2BGR)

    def _bands(self, indices: bool = False) -> np.ndarray:
        """Return all that the file holds: [H, W], or [H, W, bands] with blue first.

        `indices` says what a palette image counts by, rather than by its colours.
        """
        is_deep_png = self.facts.format == 'PNG' and self.facts.bits == 16
        if self._is_common() or (is_deep_png and self._has_end()):
            pixels = self._by_opencv(cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
            if pixels is not None:
                return pixels
        if is_tiff(self.content) and not fits_pillow(self.header):
            return _blue_first(self._by_tifffile(), self.facts.mode)
        if indices and self.facts.mode in ('P', '1', 'PA'):
            return np.atleast_3d(self._by_pillow())[..., 0]
        mode = _SHOWN_AS.get(self.facts.mode, self.facts.mode)
        return _blue_first(self._by_pillow(mode), mode)

    def _is_common(self) -> bool:
        """Tell whether OpenCV decodes the file fast, and by the rules above."""
        return (
            self.facts.format in ('JPEG', 'MPO', 'PNG')
            and self.facts.mode in ('L', 'RGB', 'RGBA')
            and self.facts.bits == 8
            and 'transparency' not in self.header.info
            and self._has_end()
        )

    def _has_end(self) -> bool:
        """Tell whether a JPEG or PNG is complete as far as can be told without decoding."""
        end = _ENDS.get(self.content[:3])
        return end is not None and self.content.endswith(end)

    def _by_opencv(self, flag: int) -> np.ndarray | None:
        pixels = cv2.imdecode(np.frombuffer(self.content, np.uint8), flag)
        return None if pixels is None else _turned(pixels, self.facts.orientation)

    def _by_pillow(self, mode: str | None = None) -> np.ndarray:
        image = self.header
        try:
            image.load()
        except Exception as error:
            raise damaged(self.content, self.name, error) from error
        try:
            image = image if mode in (None, image.mode) else image.convert(mode)
        except ValueError as error:
            raise DataError(f'{self.name} has the layout {image.mode} ({error}): convert it to RGB.') from error
        # Pillow has turned a TIFF in `load`
        return _turned(np.asarray(image), 1 if self.facts.format == 'TIFF' else self.facts.orientation)

    def _by_tifffile(self) -> np.ndarray:
        try:
            page = first_page(self.content)
            pixels = page.asarray()
        except Exception as error:
            if 'imagecodecs' in str(error):
                raise DataError(f'{self.name} needs a package: pip install imagecodecs ({error}).') from error
            raise damaged(self.content, self.name, error) from error
        if page.axes.startswith('S'):  # one plane a band
            pixels = np.moveaxis(pixels, 0, -1)
        return _turned(pixels, self.facts.orientation)

    def _single(self, bands: np.ndarray) -> np.ndarray:
        """Return the one channel of ids in a label file that repeats it; transparency does not count."""
        colors = bands[..., :-1] if bands.shape[-1] in (2, 4) else bands
        if (colors != colors[..., :1]).any():
            raise DataError(
                f'{self.name} has {bands.shape[-1]} channels of colours: label maps have one channel '
                'of ids; convert colours with tools/dataset_converters/colours.py.'
            )
        return colors[..., 0]

    def _whole(self, values: np.ndarray) -> np.ndarray:
        ids = self._finite(values).astype(np.int32)
        if (ids != values).any():
            raise DataError(f'{self.name} has values that are no whole numbers: write ids.')
        return ids

    def _finite(self, pixels: np.ndarray) -> np.ndarray:
        if pixels.dtype.kind == 'f' and not np.isfinite(pixels).all():
            raise DataError(f'{self.name} has pixels without a value (NaN or infinite): fill them.')
        return pixels


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    turn = _TURNS.get(orientation)
    return pixels if turn is None else np.ascontiguousarray(turn(pixels))


def _blue_first(pixels: np.ndarray, mode: str) -> np.ndarray:
    """Swap red and blue where the first three bands are colours."""
    if pixels.ndim == 2 or not mode.startswith('RGB'):
        return pixels
    return np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=-1)
