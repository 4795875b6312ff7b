"""Look at one sample of a data set as it lies on disk, without running its pipeline and without raising.

The data-set doctor (`mmuda.apis.doctor`) looks at all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .class_map import UNKNOWN, identity_table, stock_table
from .duplicates import Fingerprint, fingerprint
from .own_readers import is_image_loader, is_stock_loader
from .reading import examine_image, examine_label
from .transforms import LoadImage


@dataclass(frozen=True)
class Look:
    """Facts of a sample after its files were opened.

    Attributes:
        path: The image's file, or `archive[number]`.
        size: (width, height) as a pipeline sees it, upright; None where the image cannot be read.
        mode: What is stored, in Pillow's words: `RGB`, `L`, `P`, `CMYK`, `I;16`, or `array` for one in memory.
        orientation: The EXIF orientation, 1 to 8; 1 is upright.
        mean: Mean of the values that are loaded: 0 to 255, unless the pipeline keeps what the file holds.
        brightest: The largest of these values.
        fingerprint: For finding it again elsewhere.
        error: Why the image cannot be read.
        label_path: The label map's file.
        label_error: Why the label cannot be used; unknown ids are no reason.
        pixels: Pixels (or 1, for the class of an image) of each class id; 255 is ignored.
        unknown: Pixels of each id of the file that is no class.
    """

    path: str
    size: tuple[int, int] | None = None
    mode: str = 'array'
    orientation: int = 1
    mean: float = 0.0
    brightest: float = 0.0
    fingerprint: Fingerprint | None = None
    error: str | None = None
    label_path: str | None = None
    label_error: str | None = None
    pixels: Mapping[int, int] = field(default_factory=dict)
    unknown: Mapping[int, int] = field(default_factory=dict)


def look_at(dataset, index: int) -> Look:
    """Open the files of a sample.

    Args:
        dataset: A set of mmuda, or one of mmseg or mmpretrain whose `get_data_info` gives `img_path` or `img`.
        index: Which sample.
    """
    info = dataset.get_data_info(index)
    image = _image(info, color_type(dataset))
    return Look(**image, **_label(dataset, info, image.get('size')))


def color_type(dataset) -> str:
    """Return the colour type that a pipeline loads, see `reading`; `unchanged` for a loader with rules of its own."""
    loader = _loader(dataset)
    if loader is None:
        return 'color'
    return loader.color_type if isinstance(loader, LoadImage) or is_stock_loader(loader) else 'unchanged'


def foreign_loader(dataset) -> str | None:
    """Return the name of a pipeline's step that loads images by rules which nobody here knows."""
    loader = _loader(dataset)
    known = loader is None or isinstance(loader, LoadImage) or is_stock_loader(loader)
    return None if known else type(loader).__name__


def _loader(dataset) -> object | None:
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    return next((step for step in steps if is_image_loader(type(step))), None)


def _image(info: Mapping, kind: str) -> dict:
    path = info.get('img_path') or f'sample {info.get("sample_idx")}'
    if 'img' in info:
        return dict(path=path, **_described(info['img']))
    if 'img_path' not in info:
        return dict(path=path, error=f"{path} names no image file ('img_path'), so it was not opened.")
    found = examine_image(path, kind)
    if found.problem is not None:
        return dict(path=path, error=found.problem)
    return dict(path=path, mode=_mode(found.facts), orientation=found.facts.orientation, **_described(found.pixels))


def _mode(facts) -> str:
    """Return Pillow's word for the mode, with the depth where that is not 8 bits."""
    mode = f'{facts.bands} bands' if facts.mode == 'bands' else facts.mode
    return mode if facts.dtype == 'uint8' else f'{mode} {facts.dtype}'


def _described(image: np.ndarray) -> dict:
    height, width = image.shape[:2]
    values = dict(mean=float(image.mean()), brightest=float(image.max(initial=0)))
    return dict(size=(width, height), fingerprint=fingerprint(image), **values)


def _label(dataset, info: Mapping, size: tuple[int, int] | None) -> dict:
    """Return the class of an image, or the classes of its label map's pixels."""
    if 'seg_map_path' not in info:
        return dict(pixels={int(number): 1 for number in np.atleast_1d(info.get('gt_label', []))})
    path = info['seg_map_path']
    found = examine_label(path)
    if found.problem is not None:
        return dict(label_path=path, label_error=found.problem)
    height, width = found.pixels.shape
    wrong_size = size is not None and (width, height) != size
    error = f"'{path}' has {width}×{height} pixels, its image {size[0]}×{size[1]}." if wrong_size else None
    return dict(label_path=path, label_error=error, **_classes(found.pixels, label_table(dataset, info)))


def label_table(dataset, info: Mapping) -> np.ndarray:
    """Return the table from the ids of a sample's label file to classes, uint8 [65536]; where nothing names classes, an
    id is one.
    """
    if 'label_table' in info:
        return info['label_table']
    return stock_table(dataset) if dataset.metainfo.get('classes') else identity_table(UNKNOWN)


def _classes(ids: np.ndarray, table: np.ndarray) -> dict:
    """Return counts of the classes and of the ids that are none.

    Args:
        ids: [H, W] as in the file.
        table: uint8 [65536], see `class_map`.
    """
    pixels: dict[int, int] = {}
    unknown: dict[int, int] = {}
    for number, count in _histogram(ids):
        place = int(table[number]) if 0 <= number < len(table) else UNKNOWN
        counts, key = (unknown, number) if place == UNKNOWN else (pixels, place)
        counts[key] = counts.get(key, 0) + count
    return dict(pixels=pixels, unknown=unknown)


def _histogram(ids: np.ndarray) -> list[tuple[int, int]]:
    """Return (id, pixels), by counting where ids are small, which takes a tenth of a sort's time."""
    if ids.min(initial=0) >= 0 and ids.max(initial=0) < 1 << 16:
        counts = np.bincount(ids.ravel())
        return [(int(number), int(counts[number])) for number in np.flatnonzero(counts)]
    return list(zip(*(column.tolist() for column in np.unique(ids, return_counts=True))))
