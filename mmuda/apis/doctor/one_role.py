"""What the files of one role mean for a training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mmuda.datasets.class_histogram import mask_remedy
from mmuda.datasets.class_map import IGNORE, unknown_remedy
from mmuda.datasets.inspection import Look, foreign_loader

from .findings import Finding, are, counted
from .survey import Survey


def not_built(survey: Survey) -> Iterator[Finding]:
    """Yield what a data set has against its folder, lists or classes."""
    if survey.role.error is not None:
        yield Finding('error', survey.name, survey.role.error)


def broken_images(survey: Survey) -> Iterator[Finding]:
    """Yield files that are no images."""
    broken = [look.error for look in survey.looks if look.error is not None]
    if broken:
        yield Finding(
            'error', survey.name, f'{len(broken)} of {len(survey.looks)} images cannot be read: {_first(broken)}'
        )


def broken_labels(survey: Survey) -> Iterator[Finding]:
    """Yield label files that cannot be read or do not fit their image."""
    broken = [look.label_error for look in survey.looks if look.label_error is not None]
    if broken:
        yield Finding(
            'error', survey.name, f'{len(broken)} of {len(survey.looks)} labels cannot be used: {_first(broken)}'
        )


def unknown_ids(survey: Survey) -> Iterator[Finding]:
    """Yield values of label files that are no class."""
    unknown = sum((Counter(look.unknown) for look in survey.looks), Counter())
    if not unknown:
        return
    first = next(look.label_path for look in survey.looks if look.unknown)
    values = ', '.join(f'{value} ({counted(count, "pixel")})' for value, count in unknown.most_common(5))
    yield Finding(
        'error',
        survey.name,
        f"labels have values that are no class: {values}, first in '{first}'; {_remedy(survey, list(unknown))}",
    )


def _remedy(survey: Survey, unknown: list[int]) -> str:
    """Tell what unknown values need; masks of two values are told by having no third."""
    shown = [number for number in survey.pixels if number != IGNORE]
    if shown == [0] and len(unknown) == 1 and survey.classes:
        name = survey.classes[1] if len(survey.classes) == 2 else 'NAME'
        return mask_remedy(survey.classes[0], name, unknown[0])
    return (
        f'{unknown_remedy(unknown)}, or give the class list that the labels were made for '
        f'(now {len(survey.classes)} class{"es" * (len(survey.classes) != 1)})'
    )


def class_balance(survey: Survey) -> Iterator[Finding]:
    """Yield labels that are ignored, masks of 0 and 255, and classes that are shown never or hardly ever."""
    if survey.histogram is not None:
        for level, text in survey.histogram.problems(survey.name.startswith('source')):
            yield Finding(level, survey.name, text)


def foreign_loaders(survey: Survey) -> Iterator[Finding]:
    """Yield images that a step loads by rules of its own, so that what it makes of them cannot be said here."""
    names = sorted({name for name in map(foreign_loader, survey.role.datasets) if name})
    if names:
        yield Finding(
            'note',
            survey.name,
            f'images are loaded by the rules of {" and ".join(names)}, which were not examined: the files were opened '
            'as they are stored',
        )


def turned_images(survey: Survey) -> Iterator[Finding]:
    """Yield images whose EXIF data turn them."""
    turned = [look for look in survey.looks if look.orientation != 1]
    if turned:
        yield Finding(
            'note',
            survey.name,
            f'{len(turned)} of {len(survey.looks)} images {are(len(turned))} stored turned (EXIF), first '
            f"'{turned[0].path}': all are read upright everywhere"
            + ', and label maps have to be upright'
            * survey.maps,
        )


def mixed_modes(survey: Survey) -> Iterator[Finding]:
    """Yield images of several kinds, such as grey ones among colour ones."""
    modes = Counter(look.mode for look in survey.readable)
    if len(modes) > 1:
        shown = ', '.join(f'{count} {mode}' for mode, count in modes.most_common())
        yield Finding('note', survey.name, f'images are of several kinds: {shown}; {_READ_AS[survey.color_type]}')


def dark_deep_images(survey: Survey) -> Iterator[Finding]:
    """Yield images of 16 bits whose values use 14 bits or fewer, of which reading the high byte leaves little."""
    deep = [look for look in survey.readable if look.mode.endswith('uint16')]
    brightest = max((look.brightest for look in deep), default=0)
    if deep and brightest < 64 and survey.color_type != 'unchanged':
        yield Finding(
            'warning',
            survey.name,
            f'{counted(len(deep), "image")} of 16 bits {are(len(deep))} nearly black as read, first '
            f"'{deep[0].path}': of each value the high byte counts, and the largest is {brightest:.0f} of 255, as "
            'where a camera fills 10, 12 or 14 bits; stretch the values to 16 bits, or convert the images to 8',
        )


def repeated_pictures(survey: Survey) -> Iterator[Finding]:
    """Yield pictures that a role has more than once, and those whose copies have other labels."""
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


_READ_AS = {
    'color': 'all are read as colour images',
    'grayscale': 'all are read as grey images',
    'unchanged': 'each keeps its bands, and a network takes one number of them',
}


def _copies(survey: Survey, pairs: Sequence[tuple[Look, Look]]) -> str:
    (first, look), *_ = pairs
    what = 'is a copy of another' if len(pairs) == 1 else 'are copies of others'
    return f"{len(pairs)} of {len(survey.looks)} pictures {what}, first '{look.path}' of '{first.path}'"


def _paths(pairs: Sequence[tuple[Look, Look]]) -> tuple[tuple[str, str], ...]:
    return tuple((first.path, look.path) for first, look in pairs)


def _first(sentences: Sequence[str]) -> str:
    return ' '.join(sentences[:3]) + (' …' if len(sentences) > 3 else '')


CHECKS: tuple[Callable[[Survey], Iterator[Finding]], ...] = (
    not_built,
    broken_images,
    broken_labels,
    unknown_ids,
    class_balance,
    foreign_loaders,
    turned_images,
    mixed_modes,
    dark_deep_images,
    repeated_pictures,
)
