"""Images that stand in two sets under one path: a look at lists alone, so cheap enough for every start.

`tools/dataset_doctor.py` compares the pictures themselves.
"""

from collections.abc import Mapping, Sequence

from mmengine.dataset import BaseDataset

from .checks import innermost

MEANING = {
    ('source', 'target'): ('warning', 'the target then has labels, so take them out of one of the two'),
    ('source', 'scored'): ('warning', 'the score is of images that were learned with their labels'),
    ('target', 'scored'): ('note', 'the score is of images that the adaptation sees without labels'),
}
"""What it means that two sets share images, by what they are for."""


def shared_files(sets: Mapping[str, Sequence]) -> list[tuple[str, str]]:
    """Tell what sets of different use have in common, as (level, sentence).

    Args:
        sets: Data sets by what they are for: `source`, `target`, `scored`.
    """
    paths = {use: {path for part in parts for path in _paths(part)} for use, parts in sets.items()}
    found = []
    for (first, second), (level, meaning) in MEANING.items():
        common = paths.get(first, set()) & paths.get(second, set())
        if common:
            found.append(
                (
                    level,
                    f'{len(common)} of the {len(paths[second])} {second} images are {first} images too, such as '
                    f"'{min(common)}': {meaning}",
                )
            )
    return found


def _paths(dataset) -> list[str]:
    """Return the paths of all images, without loading one; a set that keeps no list has none."""
    infos = (
        BaseDataset.get_data_info(part, index)
        for part in innermost(dataset)
        if isinstance(part, BaseDataset)
        for index in range(len(part))
    )
    return [info['img_path'] for info in infos if 'img_path' in info]
