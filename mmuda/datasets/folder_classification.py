"""Images in one folder a class, or named with their class in a list file.

Both are how classification benchmarks of domain adaptation are published: Office-31, Office-Home and Office-Caltech-10
as folders, VisDA-2017 and ImageCLEF-DA as lists of `path class`.
"""

import os
from collections.abc import Iterator

from mmuda.registry import DATASETS

from .checks import check_data_root, check_folder, check_list_entry, check_none_missing
from .class_images import ClassImages
from .errors import DataError

SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp')


@DATASETS.register_module()
class FolderClassification(ClassImages):
    """Labelled by folder or by list; unlabelled, all images below the folder, whatever their folders are called.

    Args:
        data_root: folder that everything below is relative to.
        data_prefix: `img_path`, the folder of images: one domain.
        ann_file: a list of `name class-number` (one a line, the number may be left out of an unlabelled list) instead
            of the whole folder.
        metainfo: `classes`, names of the class folders in the order of the network's outputs (None: the subclass's, or
            all folders in alphabetical order).
        kwargs: as for `ClassImages`.
    """

    FIRST_NUMBER = 0
    """The number of the first class in list files."""
    EXCLUDED: tuple[str, ...] = ()
    """Ends of the paths of images that are left out."""

    def __init__(self, data_root: str = '', data_prefix: dict | None = None, **kwargs) -> None:
        check_data_root(data_root)
        super().__init__(data_root=data_root, data_prefix=dict(img_path='') | dict(data_prefix or {}), **kwargs)

    def load_data_list(self) -> list[dict]:
        """Paths and classes, sorted, after all checks of names."""
        folder = self.data_prefix['img_path']
        check_folder(folder, 'image folder')
        infos = self._listed(folder) if self.ann_file else self._found(folder)
        infos = [info for info in infos if not info['img_path'].endswith(self.EXCLUDED)]
        if not infos:
            raise DataError(
                f"There is no image with suffix {', '.join(SUFFIXES)} in '{self.ann_file or folder}': check "
                '`data_prefix`, `ann_file` and the environment variable MMUDA_DATA.'
            )
        return infos

    def _found(self, folder: str) -> Iterator[dict]:
        if not self.labelled:
            yield from (dict(img_path=path) for path in _images(folder))
            return
        for number, name in enumerate(self._class_folders(folder)):
            for path in _images(os.path.join(folder, name)):
                yield dict(img_path=path, gt_label=number)

    def _class_folders(self, folder: str) -> list[str]:
        found = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        classes = list(self._metainfo.get('classes') or found)
        missing = [name for name in classes if name not in found]
        check_none_missing(missing, len(classes), f"classes have no folder in '{folder}'", 'set `metainfo.classes`')
        self._metainfo['classes'] = tuple(classes)
        return classes

    def _listed(self, folder: str) -> Iterator[dict]:
        if not os.path.isfile(self.ann_file):
            raise DataError(f"The list file '{self.ann_file}' does not exist: check `ann_file`.")
        with open(self.ann_file, encoding='utf-8') as lines:
            entries = [line.strip().rsplit(maxsplit=1) for line in lines if line.strip()]
        for entry in entries:
            info = dict(img_path=os.path.join(folder, check_list_entry(entry[0], self.ann_file)))
            yield dict(info, gt_label=self._number(entry)) if self.labelled else info

    def _number(self, entry: list[str]) -> int:
        count = len(self._metainfo.get('classes') or ())
        first = self.FIRST_NUMBER
        number = int(entry[1]) - first if len(entry) == 2 and entry[1].isdigit() else -1
        if number < 0 or (count and number >= count):
            raise DataError(
                f"The line '{' '.join(entry)}' of the list file '{self.ann_file}' does not end in a class number"
                f'{f" from {first} to {first + count - 1}" * bool(count)}: lines are `name number`.'
            )
        return number


def _images(folder: str) -> list[str]:
    """All images below a folder, sorted."""
    paths = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names]
    return sorted(path for path in paths if path.lower().endswith(SUFFIXES))
