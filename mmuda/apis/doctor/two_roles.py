"""What two roles share that they should not, and what only one of them has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from mmuda.datasets.checks import check_every_class_is_shown, compare_classes
from mmuda.datasets.duplicates import equal_pictures, near_pictures, same_scenes
from mmuda.datasets.errors import DataError

from .findings import Finding, are, counted, listed
from .survey import Survey


def between_roles(surveys: Sequence[Survey]) -> Iterator[Finding]:
    """Yield all findings of pairs of roles."""
    for pair in combinations(surveys, 2):
        yield from shared_pictures(*pair)
        yield from paired_scenes(*pair)
    yield from other_classes(surveys)
    yield from classes_without_image(surveys)
    yield from classes_without_source(surveys)


def shared_pictures(first: Survey, second: Survey) -> Iterator[Finding]:
    """Yield pictures of one role that are in another: equal ones, or resized and re-encoded ones."""
    ours, theirs = first.readable, second.readable
    prints = [look.fingerprint for look in ours], [look.fingerprint for look in theirs]
    equal = equal_pictures(*prints)
    near = near_pictures(*prints) if _large(first) and _large(second) else []
    if not near and not equal:
        return
    level, meaning = _meaning(first.name, second.name)
    pairs = tuple((ours[i].path, theirs[j].path) for i, j in near or equal)
    count = len({j for _, j in (*near, *equal)})
    yield Finding(
        level,
        f'{first.name} and {second.name}',
        f'{count} of {len(second.looks)} pictures of {second.name} {are(count)} also in {first.name} '
        f"({_kinds(pairs, len(equal))}), first '{pairs[0][1]}'{_counterpart(pairs[0])}: {meaning}",
        tuple(pair for pair in pairs if pair[0] != pair[1]),
    )


def _kinds(pairs: Sequence[tuple[str, str]], equal: int) -> str:
    """Tell how alike the pictures are."""
    files = sum(ours == theirs for ours, theirs in pairs)
    if files == len(pairs):
        return 'the same files'
    near = len(pairs) - equal
    found = {'the same file': files, 'equal to the pixel': equal - files, 'resized or re-encoded': near}
    return ', '.join(f'{count} {kind}' for kind, count in found.items() if count > 0)


def _counterpart(pair: tuple[str, str]) -> str:
    return '' if pair[0] == pair[1] else f" as '{pair[0]}'"


def _large(survey: Survey) -> bool:
    """Tell whether pictures have enough pixels to be told apart by their hash; two handwritten ones may not."""
    return min((min(look.size) for look in survey.readable), default=0) >= 48


def _meaning(first: str, second: str) -> tuple[str, str]:
    """Return the level and advice for pictures that two roles share."""
    if first.startswith('source') and second.startswith('source'):
        return 'note', 'they count twice'
    if first.startswith('source') and second == 'target':
        return 'warning', 'the target then has labels, and what is measured is no adaptation; take them out of one'
    if first.startswith('source'):
        return 'warning', 'the score is of images that were learned with their labels; take them out of the source'
    if first == 'target':
        return 'note', 'the score is of images that the adaptation sees without labels, so say so beside it'
    return 'note', 'a model chosen on one has seen the other'


def paired_scenes(first: Survey, second: Survey) -> Iterator[Finding]:
    """Yield pictures of one number or name that show one thing in other colours, as MNIST's and MNIST-M's digits."""
    numbers = {_key(look.path): look for look in first.readable}
    pairs = [(numbers[_key(look.path)], look) for look in second.readable if _key(look.path) in numbers]
    pairs = [(ours, theirs) for ours, theirs in pairs if ours.fingerprint.digest != theirs.fingerprint.digest]
    if not same_scenes(*([side.fingerprint for side in row] for row in (zip(*pairs) if pairs else ((), ())))):
        return
    level, _ = _meaning(first.name, second.name)
    show = 'shows' if len(pairs) == 1 else 'show'
    yield Finding(
        level,
        f'{first.name} and {second.name}',
        f'{counted(len(pairs), "picture")} of the same number or name {show} the same thing, first '
        f"'{pairs[0][0].path}' and "
        f"'{pairs[0][1].path}': labels of one are labels of the other; choose spans or lists that do not meet",
        tuple((ours.path, theirs.path) for ours, theirs in pairs),
    )


def other_classes(surveys: Sequence[Survey]) -> Iterator[Finding]:
    """Yield roles whose class list, or its order, is not that of the first one."""
    first, *others = [survey for survey in surveys if survey.classes] or [None]
    for survey in others:
        names = f'the {first.name} set', f'the {survey.name} set'
        try:
            compare_classes(list(first.classes), list(survey.classes), *names)
        except DataError as error:
            yield Finding('error', survey.name, str(error))


def classes_without_image(surveys: Sequence[Survey]) -> Iterator[Finding]:
    """Yield classes of images that no source shows: a training of two domains does not start then."""
    sources = [survey for survey in surveys if survey.name.startswith('source') and survey.role.datasets]
    if not sources:
        return
    try:
        check_every_class_is_shown([part for survey in sources for part in survey.role.datasets], sources[0].classes)
    except DataError as error:
        yield Finding('error', 'source', str(error))


def classes_without_source(surveys: Sequence[Survey]) -> Iterator[Finding]:
    """Yield classes that are scored and that no source shows."""
    sources = [survey for survey in surveys if survey.name.startswith('source')]
    shown = {survey.classes[n] for survey in sources for n in survey.pixels if n < len(survey.classes)}
    if not shown:
        return
    for survey in surveys:
        scored = [survey.classes[n] for n in survey.pixels if n < len(survey.classes)]
        missing = [name for name in scored if name not in shown]
        if survey.name in ('val', 'test') and missing:
            it, its = ('it', 'its') if len(missing) == 1 else ('them', 'their')
            yield Finding(
                'warning',
                survey.name,
                f'{listed(missing)} {are(len(missing))} scored here, and no source shows {it}: {its} score will be 0; '
                f'leave {it} out of the classes, or add labelled images',
            )


def _key(path: str) -> str:
    """Return the number in an archive, or a file's name without folders and suffix."""
    if path.endswith(']') and '[' in path:
        return path[path.rindex('[') :]
    return path.replace('\\', '/').rsplit('/', 1)[-1].rpartition('.')[0]
