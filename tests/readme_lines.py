"""The lines of `--cfg-options` in the tables of the configs' pages: what is not a leaf is a leaf with options.

A table with a column headed `--cfg-options` has them in backticks. The leaf is linked in the row, or in that column's
head; a row that links several has a line for each.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mmuda.apis.command_line import parse_option

REPO = Path(__file__).resolve().parents[1]
PAGES = (*sorted((REPO / 'configs').glob('*/README.md')), REPO / 'docs' / 'moved_configs.md')
HEAD = '`--cfg-options`'
LINK = re.compile(r'\[([^\]]*)\]\(([^)]+\.py)\)')


class Line(NamedTuple):
    """A leaf with options.

    Attributes:
        page: The page that has it.
        leaf: Of the repository.
        words: The options as one types them.
        row: What the row says beside it, without the addresses of links.
        figure: The text of the leaf's link, where the row has one.
    """

    page: str
    leaf: str
    words: str
    row: str
    figure: str

    @property
    def options(self) -> dict[str, Any]:
        """Dotted keys and their values."""
        return dict(parse_option(word) for word in shlex.split(self.words))

    def __str__(self) -> str:
        return f'{self.leaf} {self.words}'.strip()


def lines_of(page: Path) -> Iterator[Line]:
    """All lines of a page, rows without options among them."""
    column, head = None, ''
    for text in page.read_text().splitlines():
        cells = [cell.strip() for cell in re.split(r'(?<!\\)\|', text)[1:-1]] if text.startswith('|') else []
        if not cells:
            column = None
        elif any(HEAD in cell for cell in cells):
            column = next(number for number, cell in enumerate(cells) if HEAD in cell)
            head = cells[column]
        elif column is not None and set(text) - set('|- '):
            yield from _row(page, cells, column, head)


def _row(page: Path, cells: list[str], column: int, head: str) -> Iterator[Line]:
    words = ' '.join(re.findall(r'`([^`]+)`', cells[column]))
    beside = ' | '.join(cells[:column] + cells[column + 1 :])
    inside, row = LINK.findall(beside), LINK.sub(r'\1', beside)
    for figure, link in inside or LINK.findall(head):
        leaf = (page.parent / link).resolve().relative_to(REPO)
        yield Line(str(page.relative_to(REPO)), str(leaf), words, row, figure if inside else '')


def all_lines() -> list[Line]:
    """Of all pages, those that have options, each once."""
    found = {str(line): line for page in PAGES for line in lines_of(page) if line.words}
    return list(found.values())
