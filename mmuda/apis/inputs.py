"""The images that predictions are asked for, and the names that their predictions get."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmuda.datasets.checks import path_problem
from mmuda.datasets.listing import IMAGE_SUFFIXES, describe, list_files, log_once, split_suffix

from .errors import UserError

Images = str | Path | np.ndarray | Sequence[str | Path | np.ndarray] | Iterator[np.ndarray]


@dataclass(frozen=True)
class NamedImage:
    """An image (a path, or an array) and the name of its results: relative, with `/`, without suffix."""

    image: str | np.ndarray
    name: str

    @property
    def title(self) -> str:
        """Name in tables: its path, or its name."""
        return self.image if isinstance(self.image, str) else self.name


def find_images(images: Images) -> list[NamedImage] | Iterator[NamedImage]:
    """Return every image once: files, those of folders and of their sub-folders, and arrays, in the order of the call.

    A stream, which is an iterator over arrays, is one of numbered images, each taken when it is asked for.

    Raises:
        UserError: A path that does not exist, or a folder without an image.
    """
    if isinstance(images, Iterator):
        return (NamedImage(image, f'{number:06d}') for number, image in enumerate(images))
    single = isinstance(images, (np.ndarray, str, Path))
    found: dict[str, tuple[str | np.ndarray, str]] = {}  # path made absolute -> image and the folder it was found in
    for number, image in enumerate([images] if single else images):
        if isinstance(image, np.ndarray):
            found.setdefault(os.path.abspath(f'{number:06d}'), (image, '.'))
            continue
        folder, paths = _paths(os.fspath(image))
        for path in paths:
            found.setdefault(os.path.abspath(path), (path, folder))
    names = result_names(list(found), [folder for _, folder in found.values()])
    return [NamedImage(image, name) for (image, _), name in zip(found.values(), names)]


def result_names(paths: Sequence[str], folders: Sequence[str], suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[str]:
    """Return a name without suffix for each of several different paths, no name twice.

    Relative to the image's own folder, such as `1` for `cam_a/1.png`; where two images would share a name, all are
    relative to the folder above all of them (`cam_a/1` and `cam_b/1`); where two differ in their suffix alone, these
    keep it (`x.jpg` and `x.png`).
    """
    paths = [os.path.abspath(path) for path in paths]
    folders = [os.path.abspath(folder) for folder in folders]
    whole = [os.path.relpath(path, folder) for path, folder in zip(paths, folders)]
    if _shared(_bare(whole, suffixes)):
        common = os.path.commonpath([os.path.dirname(path) for path in paths])
        whole = [os.path.relpath(path, common) for path in paths]
    names = _bare(whole, suffixes)
    while shared := _shared(names):
        names = [full if name in shared else name for name, full in zip(names, whole)]
    return [name.replace(os.sep, '/') for name in names]


def _paths(path: str) -> tuple[str, list[str]]:
    """Return the folder that names are relative to, and the files."""
    if any(sign in path for sign in '*?[') and not os.path.exists(path):
        return _matches(path)
    if os.path.isfile(path):
        return os.path.dirname(path), [path]
    if not os.path.isdir(path):
        problem = path_problem(path) or 'is neither a file nor a folder'
        raise UserError(f'image {path} {problem}: give an image file or a folder')
    found = list_files(path)
    if not found.names:
        raise UserError(f'folder {path} holds no image ({describe(found.left_out)}): give another one')
    log_once(f"Folder '{path}': {len(found.names)} images, {describe(found.left_out)}.")
    return path, [os.path.join(path, name) for name in found.names]


def _matches(pattern: str) -> tuple[str, list[str]]:
    """Return the files that match a pattern that the shell has not expanded."""
    found = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    if not found:
        raise UserError(f"no image matches '{pattern}': check the pattern")
    return os.path.commonpath([os.path.dirname(path) for path in found]), found


def _bare(names: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    return [split_suffix(name, suffixes)[0] for name in names]


def _shared(names: Sequence[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}
