"""Tables that a tool prints."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose first row is its header."""
    rows = [rows[0], ['---'] * len(rows[0]), *rows[1:]]
    return '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)


def spread(values: Sequence[float], digits: int = 2, sign: str = '') -> str:
    """Return ``mean ± deviation``; the deviation is that of a sample, and left out for one value; a dash for none.

    ``sign='+'`` shows that of a positive mean, too.
    """
    if not values:
        return '–'
    return f'{fmean(values):{sign}.{digits}f}' + (f' ± {stdev(values):.{digits}f}' if len(values) > 1 else '')
