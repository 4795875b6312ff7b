"""Checks of folders, list files and class lists; each failure is one sentence."""

import os
from collections.abc import Iterable, Mapping, Sequence

from .class_images import ClassImages
from .errors import DataError


def file_problem(path: str | os.PathLike) -> str | None:
    """Tell why a path is no file with content that may be read, in the words of a sentence; None if it is one."""
    if problem := path_problem(path):
        return problem
    if os.path.isdir(path):
        return 'is a folder, not a file'
    if not os.access(path, os.R_OK):
        return 'cannot be read (no permission)'
    return None if os.path.getsize(path) else 'is empty'


def path_problem(path: str | os.PathLike) -> str | None:
    """Tell why there is nothing at a path, in the words of a sentence; None if there is something."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return 'does not exist'
    except OSError as error:  # a folder above that nobody may enter, a link to itself
        return f'cannot be reached ({error.strerror})'
    return None


def check_data_root(root: str | None) -> None:
    """Refuse a data root that is not there."""
    if root and not os.path.isdir(root):
        raise DataError(
            f"The data root '{root}' {path_problem(root) or 'is a file'}: put the data there, or name the "
            'folder that holds it in the environment variable MMUDA_DATA '
            f'(now {_environment()}).'
        )


def check_prefix(prefix: Mapping[str, str], known: Sequence[str], name: str) -> None:
    """Refuse a `data_prefix` with a key that the data set does not read, or without its first one."""
    unknown = [key for key in prefix if key not in known]
    if unknown or known[0] not in prefix:
        found = f"the key '{unknown[0]}'" if unknown else f"no '{known[0]}'"
        raise DataError(f'{name} has {found} in its data_prefix: it takes {" and ".join(known)}.')


def check_folder(path: str, what: str) -> None:
    """Refuse a missing folder below the data root."""
    if not os.path.isdir(path):
        raise DataError(
            f"The {what} '{path}' {path_problem(path) or 'is a file'}: check `data_root` and `data_prefix` "
            f'in the config, and the environment variable MMUDA_DATA '
            f'(now {_environment()}).'
        )


def check_list_entry(entry: str, list_file: str) -> str:
    """Return an entry of a list file, refused when it would leave the image folder."""
    parts = entry.replace('\\', '/').split('/')
    if '..' in parts or os.path.isabs(entry) or parts[0] == '' or ':' in parts[0]:
        raise DataError(
            f"'{entry}' in the list file '{list_file}' leaves the image folder: "
            'entries are relative names without `..`.'
        )
    return '/'.join(part for part in parts if part != '.')


def check_none_missing(missing: Sequence[str], total: int, what: str, remedy: str) -> None:
    """Refuse a set in which some files have no partner; names the first three."""
    if missing:
        shown = ', '.join(missing[:3]) + (', ...' if len(missing) > 3 else '')
        raise DataError(f'{len(missing)} of {total} {what}: {shown}; {remedy}.')


def check_same_classes(datasets: Sequence, names: Sequence[str]) -> dict:
    """Return meta information of the first data set, after its class list has met all others'.

    A data set without any class list (a bare folder of target images) takes the first one's.
    """
    first = dict(datasets[0].metainfo)
    for dataset, name in zip(datasets[1:], names[1:]):
        other = dataset.metainfo.get('classes')
        if other is not None:
            compare_classes(list(first.get('classes') or []), list(other), names[0], name)
    return first


def check_every_class_is_shown(datasets: Sequence, classes: Sequence[str] | None) -> None:
    """Refuse labelled sources none of which has an image of some class; only sets of one label an image can tell."""
    parts = [part for dataset in datasets for part in innermost(dataset)]
    if not classes or not all(isinstance(part, ClassImages) for part in parts):
        return
    shown: set[int] = set()
    for part in parts:
        shown.update(part.class_numbers())
        if len(shown) == len(classes):
            return
    missing = [name for number, name in enumerate(classes) if number not in shown]
    check_none_missing(
        missing,
        len(classes),
        'classes have no image in any source',
        'add images of them, or leave them out of `classes`',
    )


def innermost(dataset) -> list:
    """Return the data sets inside mmengine's wrappers, which repeat one or join several."""
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    return [dataset] if inner == [None] else [part for one in inner for part in innermost(one)]


def compare_classes(ours: list[str], theirs: list[str], our_name: str, their_name: str) -> None:
    """Refuse two class lists that are not the same; says how many each has, and where they part."""
    ours, theirs = list(map(str, ours)), list(map(str, theirs))  # an old checkpoint may have numbers
    if ours == theirs:
        return
    remedy = 'give both data sets the same `metainfo.classes` or `class_map`.'
    only_ours = [name for name in ours if name not in theirs]
    only_theirs = [name for name in theirs if name not in ours]
    if only_ours or only_theirs:
        raise DataError(
            f'The class lists differ: {_listed(only_ours)} only in {our_name}, '
            f'{_listed(only_theirs)} only in {their_name} ({len(ours)} and {len(theirs)} classes); {remedy}'
        )
    place = next(i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b)
    raise DataError(
        f"The class lists differ in their order: class {place} is '{ours[place]}' in "
        f"{our_name} and '{theirs[place]}' in {their_name}; {remedy}"
    )


def _listed(names: Iterable[str]) -> str:
    return ', '.join(f"'{name}'" for name in names) or 'nothing'


def _environment() -> str:
    value = os.environ.get('MMUDA_DATA')
    return f"'{value}'" if value else 'unset'
