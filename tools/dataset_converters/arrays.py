"""From published files of arrays to one NumPy archive: x_train, y_train, x_test, y_test.

MATLAB files are read by scipy, which executes nothing that is in them; the archives that are written hold no objects.
"""

import gzip
import io
from collections.abc import Callable

import numpy as np
import scipy.io

from mmuda.datasets.errors import DataError


def from_mat(content: bytes, **keys: str) -> bytes:
    """Pack an archive whose arrays are those of a MATLAB file under other names."""
    arrays = _load(content)
    return packed(**{name: _get(arrays, key) for name, key in keys.items()})


def from_svhn(train: bytes, test: bytes) -> bytes:
    """Pack two MATLAB files of images [H, W, 3, N] and classes 1 to 10, of which 10 is the digit 0."""
    found = {}
    for part, content in (('train', train), ('test', test)):
        arrays = _load(content)
        images = _get(arrays, 'X')
        if images.ndim != 4:
            raise DataError(f"its array 'X' has the shape {images.shape}: SVHN's has four axes")
        found |= {f'x_{part}': images.transpose(3, 0, 1, 2), f'y_{part}': _get(arrays, 'y')}
    return packed(**found)


def from_usps(content: bytes) -> bytes:
    """Pack a MATLAB file of one cell array: rows are the parts, columns images and classes."""
    cells = _get(_load(content), 'dataset')
    if cells.shape != (2, 2):
        raise DataError(f"its array 'dataset' has the shape {cells.shape}: Digit-Five's has two rows and columns")
    return packed(x_train=cells[0, 0], y_train=cells[0, 1], x_test=cells[1, 0], y_test=cells[1, 1])


def from_idx(x_train: bytes, y_train: bytes, x_test: bytes, y_test: bytes) -> bytes:
    """Pack MNIST's own files."""
    return packed(**{name: _idx(content) for name, content in locals().items()})


def packed(**arrays: np.ndarray) -> bytes:
    """Pack an archive of uint8 images and classes, after a check that they belong together."""
    found = {name: (_images if name.startswith('x') else _classes)(array) for name, array in arrays.items()}
    for part in ('train', 'test'):
        images, classes = found[f'x_{part}'], found[f'y_{part}']
        if len(images) != len(classes):
            raise DataError(f'it has {len(images)} images and {len(classes)} classes of the {part} part')
    file = io.BytesIO()
    np.savez(file, **found)
    return file.getvalue()


def _images(array: np.ndarray) -> np.ndarray:
    """Return uint8 [N, H, W] or [N, H, W, 3]; an axis of one channel goes, and numbers up to 1 are spread."""
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    elif array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (3, 4) or array.dtype.kind not in 'uif':
        raise DataError(f'its images are an array of {array.dtype} with the shape {array.shape}')
    if array.dtype.kind == 'f':
        array = np.rint(array * 255 if array.max(initial=0) <= 1 else array)
    if array.min(initial=0) < 0 or array.max(initial=0) > 255:
        raise DataError(f'its images have values from {array.min()} to {array.max()}, not from 0 to 255')
    return np.ascontiguousarray(array, np.uint8)


def _classes(array: np.ndarray) -> np.ndarray:
    """Return uint8 [N], 0 to 9, of numbers (10 is the digit 0) or of one-hot rows."""
    if array.ndim == 2 and array.shape[1] == 10:
        array = array.argmax(1)
    array = array.ravel()
    if array.dtype.kind not in 'uif' or array.min(initial=0) < 0 or array.max(initial=0) > 10:
        raise DataError(f'its classes are an array of {array.dtype}, not numbers from 0 to 10')
    return (array % 10).astype(np.uint8)


def _load(content: bytes) -> dict:
    return _read(lambda: scipy.io.loadmat(io.BytesIO(content)), 'MATLAB file of version 7 or older')


def _idx(content: bytes) -> np.ndarray:
    """Read an array of MNIST's format: two zeros, the type 8 (uint8), the number of axes, their lengths, the data."""
    content = _read(lambda: gzip.decompress(content), 'file') if content.startswith(b'\x1f\x8b') else content
    axes = content[3] if len(content) > 3 else 0
    shape = tuple(np.frombuffer(content, '>u4', axes, 4).tolist()) if len(content) >= 4 + 4 * axes else ()
    if content[:3] != b'\0\0\x08' or len(content) != 4 + 4 * axes + int(np.prod(shape)):
        raise DataError('it is no complete idx file: download it again')
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _read(read: Callable, what: str):
    try:
        return read()
    except Exception as error:
        raise DataError(f'it is no complete {what} ({error}): download it again') from error


def _get(arrays: dict, key: str) -> np.ndarray:
    if key not in arrays:
        there = ', '.join(name for name in arrays if not name.startswith('__'))
        raise DataError(f"it has the arrays {there} and no '{key}'")
    return arrays[key]
