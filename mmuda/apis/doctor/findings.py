"""A thing that was found, in one sentence, and the verdict over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LEVELS = ('error', 'warning', 'note')


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


def verdict(findings: Sequence[Finding]) -> str:
    """Return one sentence: may a training start?"""
    count = Counter(finding.level for finding in findings)
    if count['error']:
        return f'Not ready: {counted(count["error"], "error")} to mend before a training.'
    if count['warning']:
        return f'Ready, with {counted(count["warning"], "warning")} to read: the training runs, scores may mislead.'
    return 'Ready: nothing was found that speaks against a training.'


def listed(names: Sequence[str]) -> str:
    """Return names in quotation marks, the first five."""
    shown = ', '.join(f"'{name}'" for name in names[:5])
    return shown + (f' and {len(names) - 5} more' if len(names) > 5 else '')


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f'{count:,} {noun}{"s" * (count != 1)}'


def are(count: int) -> str:
    """Return the verb to a number of things."""
    return 'is' if count == 1 else 'are'
