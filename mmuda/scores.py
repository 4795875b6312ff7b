"""What the name of a score in a log says of it: first of all which end speaks for a model."""

from __future__ import annotations

import math
import re

CRITERION_RULES = dict(
    entropy='less',
    mutual_information='greater',
    snd='greater',
    bnm='greater',
    corr_c='greater',
    agreement='greater',
    dev='less',
)
"""Whether the greater or the lesser value of a criterion without labels speaks for a model."""


def criterion_of(score: str) -> str | None:
    """Name the criterion without labels that a score is; None for a score by labels.

    Example:
        >>> criterion_of('teacher/mmuda/snd')
        'snd'
    """
    name = score.rpartition('/')[2]
    return name if score.removeprefix('teacher/').startswith('mmuda/') and name in CRITERION_RULES else None


def rule_of(score: str) -> str:
    """Tell whether a score is the better the ``'greater'`` or the ``'less'`` it is.

    A criterion without labels has its rule in :data:`CRITERION_RULES`. A loss is better the less it is, every other
    score the greater it is.

    Example:
        >>> rule_of('mIoU'), rule_of('mmuda/entropy'), rule_of('decode.loss_ce')
        ('greater', 'less', 'less')
    """
    name = score.rpartition('/')[2]
    return CRITERION_RULES.get(name) or ('less' if 'loss' in re.split('[._]', name) else 'greater')


def goodness(score: str, value: float) -> float:
    """Turn the value of a score so that the greater one is the better one; what is not finite is the worst.

    Example:
        >>> max([0.2, 0.1, float('nan')], key=lambda value: goodness('mmuda/entropy', value))
        0.1
    """
    if not math.isfinite(value):
        return -math.inf
    return -value if rule_of(score) == 'less' else value


def digits_of(score: str) -> int:
    """Return how many digits behind the point say something: 2 of percentages, 4 of what is mostly below 1.

    Example:
        >>> digits_of('mIoU'), digits_of('mmuda/snd'), digits_of('loss')
        (2, 4, 4)
    """
    return 2 if criterion_of(score) is None and rule_of(score) == 'greater' else 4
