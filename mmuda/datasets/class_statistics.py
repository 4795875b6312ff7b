"""How many pixels of each class every label map of a data set has; built once and cached.

The cache is one small file. It holds a fingerprint of the label files (names, sizes, times), the
classes and the label map, so it is rebuilt as soon as one of them changes. `RareClassSampler` draws by these counts,
and `class_histogram` sums them up.
"""

import hashlib
import logging
import os
from collections.abc import Iterable

import cv2
import numpy as np
from mmengine import dist
from mmengine.logging import print_log
from mmengine.utils import track_parallel_progress, track_progress

from mmuda.storage import atomic_write

from .class_map import IGNORE, stock_table
from .errors import DataError
from .label_maps import read_label

_worker: dict = {}


def class_pixels(dataset, cache_file: str | None = None, nproc: int | None = None) -> np.ndarray:
    """Return the pixel counts, int64 [images, classes + 1], after the data set's label mapping; the last column is
    ignored pixels.

    In a process group one process of each node builds the cache while the others wait.

    Args:
        dataset: a labelled segmentation set (ours or mmseg's).
        cache_file: where the counts are kept. None: `<data_root>/.mmuda_cache/`, or the user's
            cache folder where that cannot be written.
        nproc: processes of the scan. None: one per core, at most 16.
    """
    num_classes, path = _num_classes(dataset), cache_file or default_cache_file(dataset)
    labels, tables = _label_files(dataset, range(len(dataset)))
    key = _fingerprint(dataset, labels, tables)
    if int(os.environ.get('LOCAL_RANK', dist.get_rank())) > 0:
        dist.barrier()
        return _load_or_build(path, key, labels, tables, num_classes, nproc)
    try:
        return _load_or_build(path, key, labels, tables, num_classes, nproc)
    finally:
        dist.barrier()


def sampled_class_pixels(dataset, sample: int, cache_file: str | None = None) -> np.ndarray:
    """Return `class_pixels` of at most `sample` images, evenly spaced; of all, where the cache knows them.

    Nothing is kept. One process counts: a sample is not worth the start of others.
    """
    num_classes, path = _num_classes(dataset), cache_file or default_cache_file(dataset)
    if os.path.exists(path):
        key = _fingerprint(dataset, *_label_files(dataset, range(len(dataset))))
        counts = _load(path, key, num_classes, quietly=True)
        if counts is not None:
            return counts
    rows = np.linspace(0, len(dataset) - 1, min(sample, len(dataset))).round().astype(int)
    labels, tables = _label_files(dataset, rows)
    _start_worker(tables, num_classes)
    return np.stack([_count(label) for label in labels])


def count_classes(label: np.ndarray, num_classes: int) -> np.ndarray:
    """Return pixels of each class and of ignored ones, int64 [classes + 1], of a label map in class ids and 255."""
    counts = np.bincount(label.ravel(), minlength=IGNORE + 1)
    return np.append(counts[:num_classes], counts[IGNORE]).astype(np.int64)


def default_cache_file(dataset) -> str:
    """Return the path of the cache that nobody had to name."""
    root = _root(dataset)
    identity = [
        type(dataset).__name__,
        str(getattr(dataset, 'ann_file', '')),
        os.path.relpath(dataset.get_data_info(0)['img_path'], root),
    ]
    folder = os.path.join(root, '.mmuda_cache')
    if not _writable(folder if os.path.isdir(folder) else root):
        folder = os.path.join(_user_cache(), 'mmuda')
        identity.append(os.path.abspath(root))
    name = hashlib.sha256(os.fsencode('\n'.join(identity))).hexdigest()[:12]
    return os.path.join(folder, f'class_pixels_{type(dataset).__name__}_{name}.npz')


def _writable(folder: str) -> bool:
    """Tell whether files may be put there; a folder marked read-only counts as such for root too."""
    return bool(os.stat(folder).st_mode & 0o222) and os.access(folder, os.W_OK)


def _user_cache() -> str:
    fallback = os.path.join(os.path.expanduser('~'), '.cache')
    return os.environ.get('XDG_CACHE_HOME') or os.environ.get('LOCALAPPDATA') or fallback


def _num_classes(dataset) -> int:
    classes = dataset.metainfo.get('classes')
    if not classes:
        raise DataError(
            f'{type(dataset).__name__} has no class list to count by: give it `class_map` or `metainfo.classes`.'
        )
    return len(classes)


def _root(dataset) -> str:
    """Return the folder that the data set's names are relative to, so that it may be moved."""
    paths = (dataset.get_data_info(i)['img_path'] for i in range(len(dataset)))
    return getattr(dataset, 'data_root', None) or os.path.commonpath([os.path.dirname(path) for path in paths])


def _label_files(dataset, rows: Iterable[int]) -> tuple[list[tuple[str, int]], list[np.ndarray]]:
    """Return (path, number of its table) of some samples' label maps, and the tables."""
    labels, numbers, tables = [], {}, []
    stock = None
    for row in rows:
        info = dataset.get_data_info(row)
        if 'seg_map_path' not in info:
            raise DataError(f"'{info.get('img_path')}' has no label map: rare-class sampling needs a labelled source.")
        table = info.get('label_table')
        if table is None:
            stock = table = stock_table(dataset) if stock is None else stock
        if id(table) not in numbers:
            numbers[id(table)] = len(tables)
            tables.append(table)
        labels.append((info['seg_map_path'], numbers[id(table)]))
    return labels, tables


def _fingerprint(dataset, labels, tables) -> str:
    root = _root(dataset)
    digest = hashlib.sha256(repr(('pixels and ignored', list(dataset.metainfo['classes']))).encode())
    for table in tables:
        digest.update(table.tobytes())
    for path, table in labels:
        state = os.stat(path)
        line = f'{os.path.relpath(path, root)}|{table}|{state.st_size}|{state.st_mtime_ns}\n'
        digest.update(os.fsencode(line))  # a name need not be UTF-8
    return digest.hexdigest()


def _load_or_build(path: str, key: str, labels, tables, num_classes: int, nproc: int | None) -> np.ndarray:
    counts = _load(path, key, num_classes)
    if counts is None:
        counts = _scan(labels, tables, num_classes, nproc)
        _save(path, key, counts)
    return counts


def _load(path: str, key: str, num_classes: int, quietly: bool = False) -> np.ndarray | None:
    """Return the counts kept in a file, int64 [images, classes + 1]; None where it has others, or is none."""
    if not os.path.exists(path):
        return None
    level, reason = logging.INFO, 'belong to other files, classes or another label map'
    try:
        with np.load(path, allow_pickle=False) as cache:
            if str(cache['key']) == key and cache['counts'].shape[1:] == (num_classes + 1,):
                return cache['counts'].astype(np.int64)
    except Exception as error:
        level, reason = logging.WARNING, f'are damaged ({error})'
    if not quietly:
        print_log(f"The class statistics '{path}' {reason}: building them again.", 'current', level)
    return None


def _save(path: str, key: str, counts: np.ndarray) -> None:
    """Write all or nothing; a folder that cannot be written costs only the next start's time."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, exist_ok=True)
        with atomic_write(path) as file:
            np.savez_compressed(file, key=np.array(key), counts=counts.astype(np.int32))
    except OSError as error:
        print_log(
            f"The class statistics cannot be kept in '{path}' ({error.strerror}): they will be built again next time.",
            'current',
            logging.WARNING,
        )


def _scan(labels, tables, num_classes: int, nproc: int | None) -> np.ndarray:
    nproc = min(nproc or min(os.cpu_count() or 1, 16), 1 + len(labels) // 64)
    print_log(f'Counting the pixels of each class in {len(labels)} label maps ({nproc} processes), once.', 'current')
    if nproc == 1:
        _start_worker(tables, num_classes)
        rows = track_progress(_count, labels)
    else:
        rows = track_parallel_progress(
            _count, labels, nproc, initializer=_start_worker, initargs=(tables, num_classes), chunksize=8
        )
    return np.stack(rows)


def _start_worker(tables: list[np.ndarray], num_classes: int) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
    _worker.update(tables=tables, num_classes=num_classes)


def _count(label: tuple[str, int]) -> np.ndarray:
    path, table = label
    num_classes = _worker['num_classes']
    return count_classes(read_label(path, _worker['tables'][table], num_classes), num_classes)
