"""Find pictures that two data sets share: copies, re-encoded or resized ones, and pairs of one number.

A picture is compared by three small things, its :class:`Fingerprint`, so a set of 100,000 needs 30 MB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import imagehash
import numpy as np
from PIL import Image

MAX_DISTANCE = 6  # of the 64 bits; a resized or re-encoded photograph differs in 0 to 4
MIN_CORRELATION = 0.95  # of two thumbnails; unlike pictures of equal hash (sky, night) fall below
SIDE = 16
_BLOCK = 2048
_RESIZED = ('uint8', 'uint16', 'int16', 'float32', 'float64')


class Fingerprint(NamedTuple):
    """Pixels' checksum and hash that are kept of a picture.

    Attributes:
        digest: BLAKE2 of the pixels and their size: equal for equal pictures, whatever their file format.
        hash: 64 bits of the DCT of its grey values (`imagehash.phash`): near for a resized or re-encoded picture.
        thumbnail: uint8 [16, 16], grey.
    """

    digest: bytes
    hash: int
    thumbnail: np.ndarray


def fingerprint(image: np.ndarray) -> Fingerprint:
    """Describe a picture [H, W] or [H, W, bands] of any number type."""
    colour = np.ascontiguousarray(np.repeat(image[..., None], 3, -1) if image.ndim == 2 else image)
    digest = hashlib.blake2b(colour, digest_size=16, key=repr(colour.shape).encode()).digest()
    small = _grey(cv2.resize(_resizable(image), (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32))
    bits = imagehash.phash(Image.fromarray(small)).hash
    thumbnail = cv2.resize(small, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return Fingerprint(digest, int(np.packbits(bits).view('>u8')[0]), thumbnail)


def equal_pictures(first: Sequence[Fingerprint], second: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Return pairs (i, j) of equal pixels; of several equal ones in ``first`` the earliest counts."""
    known: dict[bytes, int] = {}
    for i, found in enumerate(first):
        known.setdefault(found.digest, i)
    return [(known[found.digest], j) for j, found in enumerate(second) if found.digest in known]


def near_pictures(first: Sequence[Fingerprint], second: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Return pairs (i, j) that look alike, equal ones included: for each j the nearest i."""
    best: dict[int, tuple[int, int]] = {}
    for i, j, distance in _near_hashes(_hashes(first), _hashes(second)):
        alike = correlation(first[i].thumbnail, second[j].thumbnail) >= MIN_CORRELATION
        if alike and distance < best.get(j, (MAX_DISTANCE + 1, 0))[0]:
            best[j] = distance, i
    return [(i, j) for j, (_, i) in sorted(best.items())]


def same_scenes(first: Sequence[Fingerprint], second: Sequence[Fingerprint]) -> bool:
    """Tell whether the n-th pictures of two rows show the same thing in other colours, as MNIST and MNIST-M do.

    The outlines of the n-th pictures must correlate more than those of the n-th and the next one, by five standard
    errors; fewer than 20 pairs are too few to tell.
    """
    if len(first) < 20:
        return False
    ours = [_outline(found.thumbnail) for found in first]
    theirs = [_outline(found.thumbnail) for found in second]
    paired = [correlation(a, b) for a, b in zip(ours, theirs)]
    shifted = [correlation(a, b) for a, b in zip(ours, [*theirs[1:], theirs[0]])]
    gain = np.subtract(paired, shifted)
    return bool(gain.mean() > 0.05 and gain.mean() > 5 * gain.std() / len(gain) ** 0.5)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation of two arrays of one shape; 1 or 0 of constant ones, as they lie within 8 or not."""
    a, b = (x.astype(np.float64).ravel() for x in (first, second))
    centred_a, centred_b = a - a.mean(), b - b.mean()
    norm = np.sqrt((centred_a**2).sum() * (centred_b**2).sum())
    if norm < 1e-9:
        return float(abs(a.mean() - b.mean()) < 8)
    return float((centred_a * centred_b).sum() / norm)


def _resizable(image: np.ndarray) -> np.ndarray:
    """Return the first three bands, in a type that OpenCV resizes."""
    bands = np.ascontiguousarray(image[..., :3] if image.ndim == 3 else image)
    return bands if bands.dtype.name in _RESIZED else bands.astype(np.float32)


def _grey(image: np.ndarray) -> np.ndarray:
    """Return uint8 [H, W]: the mean of the first three bands; values beyond 8 bits are scaled to their range."""
    grey = image if image.ndim == 2 else image[..., :3].mean(-1)
    low, high = min(float(grey.min()), 0.0), max(float(grey.max()), 255.0)
    return ((grey - low) * (255 / (high - low))).astype(np.uint8)


def _outline(thumbnail: np.ndarray) -> np.ndarray:
    rows, columns = np.gradient(thumbnail.astype(np.float32))
    return np.hypot(rows, columns)


def _hashes(fingerprints: Sequence[Fingerprint]) -> np.ndarray:
    return np.array([found.hash for found in fingerprints], np.uint64)


def _near_hashes(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Yield (i, j, bits that differ) of all pairs within ``MAX_DISTANCE``, block by block."""
    for start in range(0, len(second), _BLOCK):
        distance = np.bitwise_count(first[:, None] ^ second[start : start + _BLOCK])
        for i, j in np.argwhere(distance <= MAX_DISTANCE):
            yield int(i), int(start + j), int(distance[i, j])
