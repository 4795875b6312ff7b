"""What the files of a config mean for a training: one sentence a finding, worst first, and a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from mmuda.datasets.class_map import IGNORE
from mmuda.datasets.duplicates import equal_pictures, near_pictures, same_scenes
from mmuda.datasets.inspection import Look

from .survey import Survey

LEVELS = ('error', 'warning', 'note')
MANY_IGNORED = 0.5
ALMOST_NONE = 1e-4


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: `error`: a training would stop or learn nothing; `warning`: it would learn or score other than it seems;
            `note`: good to know.
        where: The role, or two.
        text: What was found and what to do.
        pairs: Samples that belong together, as (path, path).
    """

    level: str
    where: str
    text: str
    pairs: tuple[tuple[str, str], ...] = ()


def find(surveys: Sequence[Survey]) -> list[Finding]:
    """All findings, worst first."""
    found = [finding for survey in surveys for check in ALONE for finding in check(survey)]
    found += [finding for pair in combinations(surveys, 2) for finding in shared_pictures(*pair)]
    found += [finding for pair in combinations(surveys, 2) for finding in paired_scenes(*pair)]
    found += list(classes_without_source(surveys))
    return sorted(found, key=lambda finding: LEVELS.index(finding.level))


def verdict(findings: Sequence[Finding]) -> str:
    """One sentence: may a training start?"""
    count = Counter(finding.level for finding in findings)
    if count['error']:
        return f'Not ready: {_number(count["error"], "error")} to mend before a training.'
    if count['warning']:
        return f'Ready, with {_number(count["warning"], "warning")} to read: the training runs, scores may mislead.'
    return 'Ready: nothing was found that speaks against a training.'


# ---- one role ----


def not_built(survey: Survey) -> Iterator[Finding]:
    """The data set refuses its folder, lists or classes."""
    if survey.role.error is not None:
        yield Finding('error', survey.name, survey.role.error)


def broken_images(survey: Survey) -> Iterator[Finding]:
    """Files that are no images."""
    broken = [look.error for look in survey.looks if look.error is not None]
    if broken:
        yield Finding(
            'error', survey.name, f'{len(broken)} of {len(survey.looks)} images cannot be read: {_first(broken)}'
        )


def broken_labels(survey: Survey) -> Iterator[Finding]:
    """Label files that cannot be read or do not fit their image."""
    broken = [look.label_error for look in survey.looks if look.label_error is not None]
    if broken:
        yield Finding(
            'error', survey.name, f'{len(broken)} of {len(survey.looks)} labels cannot be used: {_first(broken)}'
        )


def unknown_ids(survey: Survey) -> Iterator[Finding]:
    """Values of label files that are no class."""
    unknown = sum((Counter(look.unknown) for look in survey.looks), Counter())
    if not unknown:
        return
    first = next(look.label_path for look in survey.looks if look.unknown)
    values = ', '.join(f'{value} ({count} pixels)' for value, count in unknown.most_common(5))
    yield Finding(
        'error',
        survey.name,
        f"labels have values that are no class: {values}, first in '{first}'; name them in `class_map`, or give the "
        f'class list that the labels were made for (now {len(survey.classes)} classes)',
    )


def binary_masks(survey: Survey) -> Iterator[Finding]:
    """Masks of 0 and 255, whose 255 would be ignored."""
    if survey.maps and set(survey.pixels) == {0, IGNORE} and len(survey.classes) == 2:
        yield Finding(
            'error',
            survey.name,
            "labels hold 0 and 255 alone, and 255 means 'ignore': only "
            f"'{survey.classes[0]}' would be learned; map it: class_map=dict(classes={list(survey.classes)}, "
            f"map={{'0': '{survey.classes[0]}', '255': '{survey.classes[1]}'}})",
        )


def nothing_labelled(survey: Survey) -> Iterator[Finding]:
    """Labels that are ignored altogether, or mostly."""
    total = sum(survey.pixels.values())
    if not survey.maps or not total:
        return
    share = survey.pixels[IGNORE] / total
    if share == 1:
        yield Finding(
            'error', survey.name, 'every pixel of every label is ignored: check `class_map` and `reduce_zero_label`'
        )
    elif share > MANY_IGNORED:
        yield Finding(
            'warning', survey.name, f'{share:.0%} of all pixels are ignored: check that `class_map` names all ids'
        )


def rare_classes(survey: Survey) -> Iterator[Finding]:
    """Classes that a labelled role shows never, or almost never."""
    total = sum(count for number, count in survey.pixels.items() if number != IGNORE)
    if not total or not survey.classes:
        return
    count = {name: survey.pixels[number] for number, name in enumerate(survey.classes)}
    never = [name for name, found in count.items() if not found]
    rare = [name for name, found in count.items() if 0 < found < ALMOST_NONE * total]
    level = 'warning' if survey.name.startswith('source') else 'note'
    unit = 'pixel' if survey.maps else 'image'
    if never:
        yield Finding(level, survey.name, f'no {unit} of {_listed(never)}: it cannot be learned or scored here')
    if rare and survey.maps:
        yield Finding(
            'note',
            survey.name,
            f'less than {ALMOST_NONE:.2%} of the labelled pixels are {_listed(rare)}: draw it more often with '
            "sampler=dict(type='mmuda.RareClassSampler')",
        )


def turned_images(survey: Survey) -> Iterator[Finding]:
    """Images whose EXIF data turn them."""
    turned = [look for look in survey.looks if look.orientation != 1]
    if turned:
        yield Finding(
            'note',
            survey.name,
            f"{len(turned)} of {len(survey.looks)} images are stored turned (EXIF), first '{turned[0].path}': they are "
            'read upright everywhere, and label maps have to be upright',
        )


def mixed_modes(survey: Survey) -> Iterator[Finding]:
    """Images of several kinds, such as grey ones among colour ones."""
    modes = Counter(look.mode for look in survey.readable)
    if len(modes) > 1:
        shown = ', '.join(f'{count} {mode}' for mode, count in modes.most_common())
        yield Finding('note', survey.name, f'images are of several kinds: {shown}; all are read as colour images')


def repeated_pictures(survey: Survey) -> Iterator[Finding]:
    """Pictures that a role has more than once, and those whose copies have other labels."""
    seen: dict[bytes, Look] = {}
    copies = [(seen.setdefault(look.fingerprint.digest, look), look) for look in survey.readable]
    copies = [(first, look) for first, look in copies if first is not look]
    torn = [(first, look) for first, look in copies if first.pixels != look.pixels]
    if torn:
        yield Finding(
            'warning', survey.name, f'{_copies(survey, torn)}: with another label, so one is wrong', _paths(torn)
        )
    alike = [(first, look) for first, look in copies if first.pixels == look.pixels]
    if alike:
        yield Finding('note', survey.name, _copies(survey, alike), _paths(alike))


def _copies(survey: Survey, pairs: Sequence[tuple[Look, Look]]) -> str:
    (first, look), *_ = pairs
    return f"{len(pairs)} of {len(survey.looks)} pictures are copies of others, first '{look.path}' of '{first.path}'"


def _paths(pairs: Sequence[tuple[Look, Look]]) -> tuple[tuple[str, str], ...]:
    return tuple((first.path, look.path) for first, look in pairs)


ALONE: tuple[Callable[[Survey], Iterator[Finding]], ...] = (
    not_built,
    broken_images,
    broken_labels,
    unknown_ids,
    binary_masks,
    nothing_labelled,
    rare_classes,
    turned_images,
    mixed_modes,
    repeated_pictures,
)


# ---- two roles ----


def shared_pictures(first: Survey, second: Survey) -> Iterator[Finding]:
    """Pictures of one role that are in another: equal ones, or resized and re-encoded ones."""
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
        f'{count} of {len(second.looks)} pictures of {second.name} are also in {first.name} '
        f"({_kinds(pairs, len(equal))}), first '{pairs[0][1]}'{_counterpart(pairs[0])}: {meaning}",
        tuple(pair for pair in pairs if pair[0] != pair[1]),
    )


def _kinds(pairs: Sequence[tuple[str, str]], equal: int) -> str:
    """How alike the pictures are."""
    files = sum(ours == theirs for ours, theirs in pairs)
    if files == len(pairs):
        return 'the same files'
    near = len(pairs) - equal
    found = {'the same file': files, 'equal to the pixel': equal - files, 'resized or re-encoded': near}
    return ', '.join(f'{count} {kind}' for kind, count in found.items() if count > 0)


def _counterpart(pair: tuple[str, str]) -> str:
    return '' if pair[0] == pair[1] else f" as '{pair[0]}'"


def _large(survey: Survey) -> bool:
    """Whether pictures have enough pixels to be told apart by their hash; two handwritten ones may not."""
    return min((min(look.size) for look in survey.readable), default=0) >= 48


def _meaning(first: str, second: str) -> tuple[str, str]:
    """Level and advice for pictures that two roles share."""
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
    """Pictures of one number or name that show the same thing in other colours, as MNIST's and MNIST-M's digits."""
    numbers = {_key(look.path): look for look in first.readable}
    pairs = [(numbers[_key(look.path)], look) for look in second.readable if _key(look.path) in numbers]
    pairs = [(ours, theirs) for ours, theirs in pairs if ours.fingerprint.digest != theirs.fingerprint.digest]
    if not same_scenes(*([side.fingerprint for side in row] for row in (zip(*pairs) if pairs else ((), ())))):
        return
    level, _ = _meaning(first.name, second.name)
    yield Finding(
        level,
        f'{first.name} and {second.name}',
        f"{len(pairs)} pictures of the same number or name show the same thing, first '{pairs[0][0].path}' and "
        f"'{pairs[0][1].path}': labels of one are labels of the other; choose spans or lists that do not meet",
        tuple((ours.path, theirs.path) for ours, theirs in pairs),
    )


def classes_without_source(surveys: Sequence[Survey]) -> Iterator[Finding]:
    """Classes that are scored and that no source shows."""
    sources = [survey for survey in surveys if survey.name.startswith('source')]
    shown = {survey.classes[n] for survey in sources for n in survey.pixels if n < len(survey.classes)}
    if not shown:
        return
    for survey in surveys:
        scored = [survey.classes[n] for n in survey.pixels if n < len(survey.classes)]
        missing = [name for name in scored if name not in shown]
        if survey.name in ('val', 'test') and missing:
            yield Finding(
                'warning',
                survey.name,
                f'{_listed(missing)} is scored here, and no source shows it: its score will be 0; leave it out of the '
                'classes, or add labelled images',
            )


def _key(path: str) -> str:
    """The number in an archive, or a file's name without folders and suffix."""
    if path.endswith(']') and '[' in path:
        return path[path.rindex('[') :]
    return path.replace('\\', '/').rsplit('/', 1)[-1].rpartition('.')[0]


def _first(sentences: Sequence[str]) -> str:
    return ' '.join(sentences[:3]) + (' …' if len(sentences) > 3 else '')


def _listed(names: Sequence[str]) -> str:
    shown = ', '.join(f"'{name}'" for name in names[:5])
    return shown + (f' and {len(names) - 5} more' if len(names) > 5 else '')


def _number(count: int, noun: str) -> str:
    return f'{count} {noun}{"s" * (count > 1)}'
