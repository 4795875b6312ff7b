"""A paper's tables as they are declared, and what the paper prints in them: no command of its own.

A file of `configs/papers` has the tables of a paper; `configs/papers/figures.csv` has the papers' figures.

    paper: ACDA                          # its name in figures.csv
    source: authors, title, venue
    deviation: standard error            # what the paper's ± is, where it has one
    score: accuracy                      # that a run is scored by
    tables:
      '1':                               # `reproduce.py acda-1`
        title: Office-31, ResNet-50
        table: '1'                       # its name in figures.csv (default: the key)
        columns: {A->W: pair=...}        # what the column's runs have in --cfg-options; or {options, score, data}
        mean: Avg                        # the paper's column of the mean over all columns, if it has one
        leaf: acda/LEAF.py               # of rows without one; {data} is the column's
        transposed: true                 # the paper's rows are our columns
        rows: {ROW: {leaf: ..., options: ...}}     # also `row` and `mean`: the paper's names where they differ

Columns with the same options are scores of one run.
"""

from __future__ import annotations

import csv
import functools
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mmuda.apis.errors import UserError, did_you_mean

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PAPERS = CONFIGS / 'papers'
ENDINGS = (' (std err)', ' (std)')
"""Of columns with what stands behind a ±."""


class Figure(NamedTuple):
    """What a paper prints, digit by digit: a value, and what stands behind its ±, if anything."""

    value: str
    deviation: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    options: str = ''
    score: str | None = None
    data: str = ''


@dataclass(frozen=True)
class Row:
    """A row of a table: a leaf with options, and its name in the paper's table."""

    leaf: str
    options: str = ''
    row: str | None = None
    mean: str | None = None


@dataclass(frozen=True)
class Line:
    """One thing to train: a leaf with the options of its row and of its column."""

    table: str
    row: str
    leaf: str
    words: tuple[str, ...]
    way: str

    def folder(self, seed: int) -> Path:
        """Tell where its run of a seed stands, below the folder of all."""
        return Path(self.table, slug(self.row), slug(self.way) or 'run', f'seed{seed}')


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
        name: Such as `acda-1`.
        key: Its name in `figures.csv`.
        notes: What `figures.csv` says about its figures.
    """

    name: str
    paper: str
    source: str
    key: str
    title: str
    score: str
    columns: Mapping[str, Column]
    rows: Mapping[str, Row]
    mean: str | None = None
    transposed: bool = False
    deviation: str = ''

    def lines(self) -> Iterator[Line]:
        """Yield all that has to be trained, each once."""
        for name in self.rows:
            yield from dict.fromkeys(self.line(name, column) for column in self.columns)

    def line(self, row: str, column: str) -> Line:
        """Return what a cell's score comes from."""
        this, that = self.rows[row], self.columns[column]
        words = (*shlex.split(this.options), *shlex.split(that.options))
        return Line(self.name, row, this.leaf.format(data=that.data), words, that.options or that.data)

    def score_of(self, column: str) -> str:
        """Return the key of a column's score in a log."""
        return self.columns[column].score or self.score

    def printed(self, row: str, column: str) -> Figure | None:
        """Return the paper's figure of a cell; None where it has none."""
        this = self.rows[row].row or row
        place = (column, this) if self.transposed else (this, column)
        return figures()[self.paper, self.key].get(place)

    def printed_mean(self, row: str) -> Figure | None:
        """Return the paper's mean over the columns of a row."""
        mean = self.rows[row].mean or self.mean
        return None if mean is None else self.printed(row, mean)

    @property
    def notes(self) -> list[str]:
        """What is known to be doubtful about the paper's figures, of rows that stand here."""
        named = {self.rows[row].row or row for row in self.rows} | {*self.columns}
        found = remarks()[self.paper, self.key]
        said = (text for about, text in found if any(fnmatchcase(name, about) for name in named))
        return list(dict.fromkeys(said))


def read_tables() -> dict[str, Table]:
    """Read all tables by name."""
    return {table.name: table for path in sorted(PAPERS.glob('*.yaml')) for table in _of_paper(path)}


def read_table(name: str) -> Table:
    """Read the table of a name such as `acda-1`.

    Raises:
        UserError: There is none.
    """
    tables = read_tables()
    if name.lower() not in tables:
        remedy = did_you_mean(name.lower(), tables, 0.8) or f': choose one of {", ".join(tables)}'
        raise UserError(f"no table '{name}'{remedy}")
    return tables[name.lower()]


def _of_paper(path: Path) -> Iterator[Table]:
    try:
        paper = yaml.safe_load(path.read_text(encoding='utf-8'))
        for key, settings in paper['tables'].items():
            yield _table(path.stem, paper, str(key), settings)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f'{path} declares no tables ({type(error).__name__}: {error}): see tools/reproduction/tables.py'
        ) from error


def _table(stem: str, paper: Mapping[str, Any], key: str, settings: Mapping[str, Any]) -> Table:
    """Make a table of a file; what its paper has for all tables stands for what it lacks."""
    settings = dict(settings)
    leaf, columns, rows = settings.pop('leaf', None), settings.pop('columns'), settings.pop('rows')
    default = {} if leaf is None else dict(leaf=leaf)
    shared = {name: paper[name] for name in ('paper', 'source', 'deviation', 'score') if name in paper}
    return Table(
        name=f'{stem}-{key}',
        key=settings.pop('table', key),
        columns={name: Column(**_options(value)) for name, value in columns.items()},
        rows={name: Row(**default | (value or {})) for name, value in rows.items()},
        **shared | settings,
    )


def _options(value: str | Mapping) -> Mapping:
    return dict(options=value) if isinstance(value, str) else value


def slug(text: str) -> str:
    """Turn `MHA in stages 1+2` into `mha-in-stages-1-2`; texts that differ stay apart, as digits and letters do."""
    return re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')


@functools.cache
def _rows() -> list[dict[str, str]]:
    with (PAPERS / 'figures.csv').open(encoding='utf-8', newline='') as file:
        return list(csv.DictReader(file))


@functools.cache
def figures() -> Mapping[tuple[str, str], dict[tuple[str, str], Figure]]:
    """Return of each table of each paper what is printed there, by row and column."""
    found: dict[tuple[str, str], dict] = _empty()
    for row in _rows():
        if row['unit'] == '%' and not row['column'].endswith(ENDINGS):
            found[row['paper'], row['table']][row['row'], row['column']] = Figure(row['value'])
    for row in _rows():
        if row['column'].endswith(ENDINGS):
            printed, place = found[row['paper'], row['table']], (row['row'], row['column'].rpartition(' (')[0])
            printed[place] = printed[place]._replace(deviation=row['value'])
    return found


@functools.cache
def remarks() -> Mapping[tuple[str, str], list[tuple[str, str]]]:
    """Return of each table of each paper what is said about a pattern of rows, or of columns."""
    found: dict = {key: [] for key in _empty()}
    for row in _rows():
        if row['unit'] == 'note':
            found[row['paper'], row['table']].append((row['row'].removeprefix('NOTE '), row['value']))
    return found


def _empty() -> dict[tuple[str, str], dict]:
    return {(row['paper'], row['table']): {} for row in _rows()}
