"""A table as text: what the paper prints and what was run here, one below the other. No command of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from mmuda.apis.tables import markdown, spread

from .tables import Figure, Table

Scores = Mapping[tuple[str, str], Mapping[int, float]]
"""Row and column -> score by seed."""
NONE = '–'


def rows_of(table: Table, scores: Scores) -> list[list[str]]:
    """Return cells, the header first: of each row of the table a line of the paper's figures and one of those here."""
    mean = _mean_name(table)
    lines = [['', '', *table.columns, *([mean] if mean else [])]]
    for row in table.rows:
        printed = [table.printed(row, column) for column in table.columns]
        here = [scores.get((row, column), {}) for column in table.columns]
        if mean:
            printed.append(table.printed_mean(row))
            here.append(mean_by_seed(here))
        lines += [[row, 'paper', *map(_printed, printed)], ['', _seeds(here), *map(_measured, here)]]
    return lines


def _mean_name(table: Table) -> str | None:
    means = {row.mean or table.mean for row in table.rows.values()}
    return table.mean if len(means) == 1 else 'mean'


def mean_by_seed(columns: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Return the mean over columns of each seed that has all of them."""
    complete = set.intersection(*map(set, columns))
    return {seed: fmean(column[seed] for column in columns) for seed in sorted(complete)}


def _printed(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    return figure.value + ('' if figure.deviation is None else f' ± {figure.deviation}')


def _measured(scores: Mapping[int, float]) -> str:
    """Return mean ± deviation of a sample over seeds."""
    return spread(list(scores.values()))


def _seeds(columns: Sequence[Mapping[int, float]]) -> str:
    seeds = sorted({seed for column in columns for seed in column})
    return f'here, seeds {", ".join(map(str, seeds))}' if seeds else 'here: not run'


def as_markdown(table: Table, scores: Scores) -> str:
    """Write the table as Markdown, with its source and what is doubtful about it."""
    text = [f'**{_caption(table)}**', markdown(rows_of(table, scores))]
    text += [f'* {note}' for note in table.notes]
    return '\n\n'.join(text[:2]) + ('\n\n' + '\n'.join(text[2:]) if text[2:] else '') + '\n'


def as_latex(table: Table, scores: Scores) -> str:
    """Write the table as one of LaTeX, which needs no package."""
    header, *lines = [[_escaped(cell) for cell in line] for line in rows_of(table, scores)]
    body = [' & '.join(line) + r' \\' for line in lines]
    body = [line + (r' \hline' if number % 2 else '') for number, line in enumerate(body)]
    notes = [f'% {note}' for note in table.notes]
    return '\n'.join(
        [
            *notes,
            r'\begin{table}',
            rf'\caption{{{_escaped(_caption(table))}}}',
            rf'\begin{{tabular}}{{ll{"r" * (len(header) - 2)}}}',
            r'\hline',
            ' & '.join(header) + r' \\ \hline',
            *body,
            r'\end{tabular}',
            r'\end{table}',
            '',
        ]
    )


def _caption(table: Table) -> str:
    spread = f"; the paper's ± is the {table.deviation}" if table.deviation else ''
    return f'{table.title}: {table.score} in %, here mean ± standard deviation over seeds{spread} ({table.source})'


def _escaped(text: str) -> str:
    for plain, latex in (('\\', r'\textbackslash '), *((sign, f'\\{sign}') for sign in '&%$#_{}')):
        text = text.replace(plain, latex)
    for plain, latex in (('±', r'$\pm$'), ('–', '--'), ('->', r'$\rightarrow$'), ('~', r'\textasciitilde ')):
        text = text.replace(plain, latex)
    return text


FORMATS: Mapping[str, Callable[[Table, Scores], str]] = dict(markdown=as_markdown, latex=as_latex)
