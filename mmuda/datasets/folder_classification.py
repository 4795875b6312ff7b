"""Images in one folder a class, or named with their class in a list file.

Both are how classification benchmarks of domain adaptation are published: Office-31, Office-Home and Office-Caltech-10
as folders, VisDA-2017 and ImageCLEF-DA as lists of `path class`.
"""

import os
from collections.abc import Iterator

from mmuda.registry import DATASETS

from .ann_file import read_ann_file
from .checks import check_data_root, check_folder, check_list_entry, check_none_missing, check_prefix
from .class_images import ClassImages
from .errors import DataError
from .listing import IMAGE_SUFFIXES, both, composed, describe, list_files, list_folders, log_once, stored_paths


@DATASETS.register_module()
class FolderClassification(ClassImages):
    """Labelled by folder or by list; unlabelled, all images below the folder, whatever their folders are called.

    Args:
        data_root: folder that everything below is relative to.
        data_prefix: `img_path`, the folder of images: one domain.
        ann_file: a list of `name class-number` (one a line, the number may be left out of an unlabelled list) instead
            of the whole folder.
        metainfo: `classes`, names of the class folders in the order of the network's outputs (None: the subclass's, or
            all folders in alphabetical order; `tools/train.py` and `test.py` give those of the training set to
            validation and test). A class may have no folder here; another folder is left out.
        kwargs: as for `ClassImages`.
    """

    FIRST_NUMBER = 0
    """The number of the first class in list files."""
    EXCLUDED: tuple[str, ...] = ()
    """Ends of the paths of images that are left out."""

    def __init__(self, data_root: str = '', data_prefix: dict | None = None, **kwargs) -> None:
        check_data_root(data_root)
        data_prefix = dict(img_path='') if data_prefix is None else data_prefix
        check_prefix(data_prefix, ('img_path',), type(self).__name__)
        super().__init__(data_root=data_root, data_prefix=data_prefix, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Return paths and classes, sorted, after all checks of names."""
        folder = self.data_prefix['img_path']
        check_folder(folder, 'image folder')
        self._left_out: dict[str, str] = {}
        infos = list(self._listed(folder) if self.ann_file else self._found(folder))
        self._left_out |= {info['img_path']: 'damaged as published' for info in infos if self._is_excluded(info)}
        infos = [info for info in infos if not self._is_excluded(info)]
        left_out = {os.path.relpath(path, folder): why for path, why in self._left_out.items()}
        if not infos:
            raise DataError(
                f"There is no image in '{self.ann_file or folder}' ({describe(left_out)}): check `data_prefix`, "
                '`ann_file` and the environment variable MMUDA_DATA.'
            )
        listed = f" named by '{self.ann_file}'" if self.ann_file else ''
        labels = len(infos) if self.labelled else 0
        log_once(
            f"{type(self).__name__} '{folder}': {len(infos)} images{listed}, {labels} labels, {describe(left_out)}."
        )
        return infos

    def _is_excluded(self, info: dict) -> bool:
        return info['img_path'].endswith(self.EXCLUDED)

    def _found(self, folder: str) -> Iterator[dict]:
        if not self.labelled:
            yield from (dict(img_path=path) for path in self._images(folder))
            return
        for number, name in self._class_folders(folder):
            for path in self._images(os.path.join(folder, name)):
                yield dict(img_path=path, gt_label=number)

    def _images(self, folder: str) -> list[str]:
        """Return all images below a folder, sorted."""
        found = list_files(folder)
        self._left_out |= {os.path.join(folder, name): why for name, why in found.left_out.items()}
        return [os.path.join(folder, name) for name in found.names]

    def class_names(self) -> tuple[str, ...]:
        """Return the classes that the config or the subclass names, else the folders; no image is looked for."""
        classes = self._metainfo.get('classes')
        if classes:
            return tuple(classes)
        check_folder(self.data_prefix['img_path'], 'image folder')
        return tuple(sorted(set(map(composed, list_folders(self.data_prefix['img_path']).names))))

    def _class_folders(self, folder: str) -> list[tuple[int, str]]:
        """Return the number and name of every class that has a folder here; the set's classes are settled with it."""
        folders, classes = list_folders(folder), self.class_names()
        found = folders.names
        self._metainfo['classes'] = classes
        stored: dict[str, str] = {}
        for name in found:
            if stored.setdefault(composed(name), name) != name:
                raise DataError(f'{both(folder, stored[composed(name)], name)}: put their images into one.')
        present = [(number, stored[composed(name)]) for number, name in enumerate(classes) if composed(name) in stored]
        if found and not present:
            raise DataError(
                f"None of the {len(classes)} classes ({', '.join(classes[:3])}, ...) has a folder in '{folder}', which "
                f'has {", ".join(found[:3])}, ...: check `metainfo.classes` and `data_prefix`.'
            )
        shown = [name for _, name in present]
        left_out = {name: 'no class' for name in found if name not in shown} | dict(folders.left_out)
        self._left_out |= {os.path.join(folder, name): why for name, why in left_out.items()}
        missing = [name for name in classes if composed(name) not in stored]
        if missing:
            named = ', '.join(missing[:5]) + (', ...' if len(missing) > 5 else '')
            log_once(f"'{folder}' has no folder of {len(missing)} of its {len(classes)} classes: {named}.")
        return present

    def _listed(self, folder: str) -> Iterator[dict]:
        entries = [_split(line) for line in read_ann_file(self.ann_file)]
        paths = stored_paths(folder, [check_list_entry(name, self.ann_file) for name, _ in entries])
        check_none_missing(
            [name for (name, _), path in zip(entries, paths) if not os.path.isfile(path)],
            len(entries),
            f"entries of the list file '{self.ann_file}' have no image in '{folder}'",
            'check `data_prefix`, and whether the list belongs to these images',
        )
        numbers: dict[str, str] = {}
        for (name, number), path in zip(entries, paths):
            if self.labelled and numbers.setdefault(path, number) != number:
                raise DataError(
                    f"The list file '{self.ann_file}' gives the image '{name}' the classes {numbers[path]} and "
                    f'{number}: leave one of them.'
                )
            yield dict(img_path=path, gt_label=self._number(name, number)) if self.labelled else dict(img_path=path)

    def _number(self, name: str, number: str) -> int:
        count, first = len(self._metainfo.get('classes') or ()), self.FIRST_NUMBER
        label = int(number) - first if number.isdecimal() else -1
        if label < 0 or (count and label >= count):
            raise DataError(
                f"The line '{f'{name} {number}'.strip()}' of the list file '{self.ann_file}' does not end in a class "
                f'number{f" from {first} to {first + count - 1}" * bool(count)}: lines are `name number`.'
            )
        return label


def _split(line: str) -> tuple[str, str]:
    """Return a line as (name, class number or nothing); names may have blanks."""
    if line.lower().endswith(IMAGE_SUFFIXES):
        return line, ''
    name, *number = line.rsplit(maxsplit=1)
    return name, ''.join(number)
