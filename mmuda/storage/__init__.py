"""The files of a run: written whole, found again."""

from mmuda.lazy import lazy_exports

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    dict(
        atomic=('atomic_write', 'remove_leftovers'),
        latest=('LatestCheckpoint', 'checkpoint_folder', 'find_latest', 'last_good', 'resumable'),
        lock=('FolderLock', 'LockedError', 'held_folder'),
    ),
)
