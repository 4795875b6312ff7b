"""Which classes are taken for which: a matrix with a row a true class, in % of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .comparing import INK, PAPER
from .figure import new_figure, rgb

NUMBERED = 31  # more classes than this go without numbers in the cells
MAP = 'viridis'


def confusion_figure(counts: np.ndarray, classes: Sequence[str], title: str = '') -> Figure:
    """Draw the picture; save it with ``figure.savefig(path, dpi=...)``.

    Args:
        counts: ``[K, K]``, a row a true class, a column a predicted one; a row without counts stays empty.
        classes: K names.
        title: Of the picture.

    Raises:
        ValueError: Counts of another number of classes.
    """
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f'Counts of shape {counts.shape} do not fit {len(classes)} classes: give [K, K].')
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(100 * counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    figure = new_figure(10.5, title)
    axis = figure.subplots()
    shown = axis.imshow(shares, cmap=MAP, vmin=0, vmax=100)
    if len(classes) <= NUMBERED:
        size = 10 if len(classes) <= 12 else 7
        for (i, j), share in np.ndenumerate(shares):
            if not np.isnan(share):
                color = rgb(INK if share > 66 else PAPER)
                axis.text(j, i, f'{share:.1f}', fontsize=size, ha='center', va='center', color=color)
    places = range(len(classes))
    axis.set(xticks=places, yticks=places, xticklabels=classes, yticklabels=classes)
    axis.tick_params(axis='x', rotation=60, length=0, labelsize=9)
    axis.tick_params(axis='y', length=0, labelsize=9)
    axis.set_xlabel('predicted', color=rgb(INK))
    axis.set_ylabel('true', color=rgb(INK))
    axis.spines[:].set_visible(False)
    figure.colorbar(shown, ax=axis, fraction=0.04, pad=0.01).set_label('% of the true class', color=rgb(INK))
    return figure
