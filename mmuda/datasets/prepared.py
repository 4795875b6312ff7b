"""Data sets with prepared files: see `prepared_files` for the files, `transforms.fixed_steps` for what they hold."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmengine.dataset import Compose
from torch.utils.data import Dataset

from .checks import innermost
from .errors import DataError
from .listing import log_once
from .prepared_files import REMEDY, PreparedFiles

if TYPE_CHECKING:
    from .transforms.fixed_steps import FixedSteps


@dataclass(frozen=True)
class PreparedSet:
    """A data set with a place for each of its prepared files.

    Attributes:
        dataset: It has a pipeline and no wrapper around it.
        steps: What is prepared.
        images, labels: The files; None for labels that no file of the data set holds.
    """

    dataset: Dataset
    steps: FixedSteps
    images: PreparedFiles
    labels: PreparedFiles | None

    @property
    def files(self) -> tuple[PreparedFiles, ...]:
        """Return those that there are."""
        return (self.images,) if self.labels is None else (self.images, self.labels)

    def places(self, info: dict) -> Iterator[tuple[PreparedFiles, str, str]]:
        """Yield for each file of a sample: where it goes, the path of the original, and the key of its pixels."""
        yield self.images, info['img_path'], 'img'
        if self.labels is not None:
            yield self.labels, info['seg_map_path'], 'gt_seg_map'

    def loading(self) -> Dataset:
        """Return a shallow copy of the data set which reads the prepared files.

        Raises:
            DataError: Some are missing or damaged, or were made by other settings or of another version of an original.
        """
        from .transforms.fixed_steps import LoadPrepared

        for files in self.files:
            files.check()
        self._check_all_fit()
        loading = copy.copy(self.dataset)
        loading.pipeline = Compose([LoadPrepared(self.steps, self.images, self.labels), *self.steps.rest])
        return loading

    def _check_all_fit(self) -> None:
        infos = map(self.dataset.get_data_info, range(len(self.dataset)))
        places = [(files, original) for info in infos for files, original, _ in self.places(info)]
        missing = [path for path in (files.path(original) for files, original in places) if not os.path.isfile(path)]
        if missing:
            raise DataError(
                f'{len(missing)} of {len(places)} prepared files of {_title(self.dataset)} are missing, such as '
                f"'{missing[0]}': {REMEDY} again, which goes on where it was."
            )
        changed = [original for files, original in places if not files.holds(original)]
        if changed:
            raise DataError(
                f'{len(changed)} of {len(places)} prepared files of {_title(self.dataset)} are damaged, or of another '
                f"version of their original, such as that of '{changed[0]}': {REMEDY} again, which makes these anew."
            )
        compared = sum(len(files.compared) for files in self.files)
        if compared:
            log_once(
                f'{compared} files of {_title(self.dataset)} have another time than when they were prepared, and the '
                f'same content, as copies have: {REMEDY} again to note that, or each start reads them to compare.'
            )


def prepared_sets(datasets: Sequence[Dataset], folder: str) -> list[PreparedSet]:
    """Find the sets inside mmengine's wrappers, with their places below a folder.

    Raises:
        DataError: A set that cannot be prepared, or two of one name.
    """
    sets = [_prepared_set(part, folder) for dataset in datasets for part in innermost(dataset)]
    owners: dict[tuple[str, str], PreparedFiles] = {}
    for files in (files for one in sets for files in one.files):
        owner = owners.setdefault((files.folder, files.kind), files)
        if os.path.realpath(owner.originals) != os.path.realpath(files.originals):
            raise DataError(
                f"'{owner.originals}' and '{files.originals}' would both be prepared in '{files.folder}': give their "
                'data roots different names.'
            )
        owner.check_same(files.settings)
    return sets


def with_prepared(datasets: Sequence[Dataset], folder: str) -> list[Dataset]:
    """Return shallow copies of data sets, however wrapped, which read the prepared files below a folder.

    Raises:
        DataError: The folder does not fit the data sets.
    """
    loading = {id(one.dataset): one.loading() for one in prepared_sets(datasets, folder)}
    return [_replaced(dataset, loading) for dataset in datasets]


def _replaced(dataset: Dataset, loading: Mapping[int, Dataset]) -> Dataset:
    """Return a shallow copy of a data set in which others stand for the innermost."""
    names = [name for name in ('dataset', 'datasets') if hasattr(dataset, name)]
    if not names:
        return loading[id(dataset)]
    outer = copy.copy(dataset)
    for name in names:
        inner = getattr(dataset, name)
        inside = [_replaced(part, loading) for part in inner] if name == 'datasets' else _replaced(inner, loading)
        setattr(outer, name, inside)
    return outer


def _prepared_set(dataset: Dataset, folder: str) -> PreparedSet:
    from .transforms.fixed_steps import FixedSteps  # needs mmcv, which a data set of tensors does not
    from .transforms.loading import LoadLabel

    prefix = getattr(dataset, 'data_prefix', None) or {}
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', None)
    if steps is None or not prefix.get('img_path'):
        raise DataError(f'{_title(dataset)} reads no folder of images, so it has nothing to prepare.')
    try:
        steps = FixedSteps.of(steps)
    except DataError as error:
        raise DataError(f'{_title(dataset)} cannot be prepared. {error}') from error
    if steps.image.backend_args:
        raise DataError(f'{_title(dataset)} cannot be prepared: with `backend_args` its images are no local files.')
    images = _files(dataset, prefix['img_path'], folder, 'images', steps.image_settings())
    if not isinstance(steps.label, LoadLabel):
        return PreparedSet(dataset, steps, images, None)
    if not (hasattr(dataset, 'label_table') and prefix.get('seg_map_path')):
        raise DataError(f'{_title(dataset)} cannot be prepared: its pipeline loads labels, and it names none.')
    settings = steps.label_settings(dataset.label_table)
    return PreparedSet(dataset, steps, images, _files(dataset, prefix['seg_map_path'], folder, 'labels', settings))


def _files(dataset: Dataset, originals: str, folder: str, kind: str, settings: dict) -> PreparedFiles:
    """Place files below `folder` under the name of the data root, then the names below it."""
    root = os.path.abspath(getattr(dataset, 'data_root', None) or originals)
    inside = os.path.relpath(originals, root)
    if inside.split(os.sep)[0] == os.pardir:
        root, inside = os.path.abspath(originals), os.curdir
    place = os.path.normpath(os.path.join(folder, os.path.basename(root), inside))
    if os.path.realpath(place) == os.path.realpath(originals):
        raise DataError(f"'{place}' is the folder of the originals: give another folder for what is prepared.")
    return PreparedFiles(originals, place, kind, settings)


def _title(dataset: Dataset) -> str:
    root = getattr(dataset, 'data_root', None)
    return f'{type(dataset).__name__}{f" ({root})" if root else ""}'
