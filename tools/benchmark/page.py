"""Pages with tables of the benchmark, made from records between two marks; no command of its own.

<!-- table: day2dusk -->     all of it
<!-- scores: day2dusk -->    its scores alone
<!-- end of table -->
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from records import Counts, check_records, pooled, read_record, score
from tables import TABLES, Run, Table

from mmuda.apis import UserError
from mmuda.apis.errors import did_you_mean
from mmuda.apis.tables import markdown, spread
from mmuda.storage import atomic_write

MARK = re.compile(r'<!--\s*(?:(?:table|scores)\s*:\s*(\S+)|end of table)\s*-->')
"""A mark, however it is written; the name of the table where it begins one."""
BLOCK = re.compile(r'<!-- (table|scores): (\S+) -->\n.*?<!-- end of table -->', re.DOTALL)
CLASS_MEAN = 'mean of classes'
FIGURE = re.compile(r'(?<![\w.])\d+\.\d+(?!\w|\.\d)')
"""A number with a decimal point; no part of a version or a name, but it may end a sentence."""


class RowResults:
    """The records of a row, seed by seed; a seed counts when all its ways have been run, a pair alone in its column."""

    def __init__(self, table: Table, row: str) -> None:
        self.table, ways = table, table.ways_of(row)
        self.found = {seed: [read_record(table, Run(row, seed, way)) for way in ways] for seed in table.seeds}
        self.records = {seed: records for seed, records in self.found.items() if all(records)}

    def scores(self, column: str) -> dict[int, dict[str, float]]:
        """Return scores of each seed on a set, where the images of all ways count as one set; or those of a pair."""
        counts = {seed: self._counts(records, column) for seed, records in self._shown().items()}
        return {seed: score(pooled(sets), self.table.task) for seed, sets in counts.items() if sets}

    def _shown(self) -> dict[int, list[dict]]:
        if not self.table.has_pairs:
            return self.records
        return {seed: [record for record in records if record] for seed, records in self.found.items() if any(records)}

    @property
    def seeds(self) -> list[int]:
        """Those of which something is shown."""
        return list(self._shown())

    def main(self, key: str | None = None) -> dict[int, float]:
        """Return what counts of each seed: its score, or one of another name, on the main set, or the mean of pairs."""
        key, columns = key or self.table.metric, columns_of(self.table)
        scores = [self.scores(column) for column in (columns if self.table.has_pairs else columns[:1])]
        return {seed: fmean(one[seed][key] for one in scores) for seed in self.records}

    def best(self) -> dict[int, float]:
        """Return the same if each run stopped where it is highest."""
        best = {seed: [record['best']['counts'] for record in records] for seed, records in self.records.items()}
        parts = {seed: [[one] for one in runs] if self.table.has_pairs else [runs] for seed, runs in best.items()}
        task, metric = self.table.task, self.table.metric
        return {seed: fmean(score(pooled(part), task)[metric] for part in one) for seed, one in parts.items()}

    def seconds(self) -> list[float]:
        """Return the seconds a step of each run."""
        return [record['seconds_a_step'] for record in self.runs()]

    def runs(self) -> list[dict]:
        """Return the records of all that is shown."""
        return [record for records in self._shown().values() for record in records]

    def _counts(self, records: list[dict], column: str) -> list[Counts]:
        ways = [(way, sets) for record in records for way, sets in record['scores'].items()]
        if self.table.has_pairs:
            return [sets[self.table.sets[0]] for way, sets in ways if way == column]
        return [sets[column] for _, sets in ways]


def columns_of(table: Table) -> list[str]:
    """Return what has a column of scores: each set, or each pair."""
    return list(table.ways) if table.has_pairs else table.sets


def block(table: Table) -> str:
    """Return a table's part of the page; rows without a run are only named."""
    results, missing = _results(table)
    text = [
        f'<!-- table: {table.path.stem} -->',
        f'**{table.title}**, {table.metric} in %, mean ± standard deviation over seeds;'
        f' gains over "{table.baseline}" seed by seed.',
        markdown(_overview(table, results)),
        *_best_note(table),
        *_by_class(table, results),
        _cost(results) + (f' Not run: {"; ".join(missing)}.' if missing else ''),
        f'    python tools/benchmark/leaderboard.py {table.path.stem} --processes 2',
    ]
    return '\n\n'.join(text).replace('-->\n\n', '-->\n') + '\n<!-- end of table -->'


def scores_block(table: Table) -> str:
    """Return the scores of a table's rows that have all seeds, for a page that speaks of other things, too."""
    results = {row: found for row, found in _results(table)[0].items() if set(found.records) >= set(table.seeds)}
    lines = [cells[:1] + cells[2 : 3 + len(columns_of(table))] for cells in _overview(table, results)]
    return f'<!-- scores: {table.path.stem} -->\n{markdown(lines)}\n<!-- end of table -->'


BLOCKS = dict(table=block, scores=scores_block)


def _results(table: Table) -> tuple[dict[str, RowResults], list[str]]:
    """Return the rows with a run, and the names of those without."""
    check_records(table)
    results = {row: RowResults(table, row) for row in table.rows}
    shown = {row: found for row, found in results.items() if found.seeds}
    return shown, [row for row in results if row not in shown]


def _overview(table: Table, results: dict[str, RowResults]) -> list[list[str]]:
    """Return a line a row: the scores of each column, what it gains on the main one, the best checkpoint, the cost."""
    columns = columns_of(table)
    baseline = results[table.baseline].main() if table.baseline in results else {}
    bound = next((found.main() for row, found in results.items() if table.rows[row].target_labels), None)
    best = table.validations != 1  # the only checkpoint is the best
    lines = [['', 'seeds', *_heads(table, bound is not None), *['best*'] * best, 's a step']]
    for row, found in results.items():
        main = found.main()
        gains = [main[seed] - baseline[seed] for seed in main if seed in baseline]
        lines.append(
            [
                row,
                ', '.join(map(str, found.seeds)),
                *[spread([one[table.metric] for one in found.scores(name).values()]) for name in columns],
                '' if row == table.baseline else spread(gains, sign='+'),
                *([] if bound is None else [_share_of_gap(main, baseline, bound)]),
                *([spread(list(found.main(CLASS_MEAN).values()))] if table.task == 'classification' else []),
                *[spread(list(found.best().values())) for _ in range(best)],
                f'{fmean(found.seconds()):.2f}' if found.seconds() else '–',
            ]
        )
    return lines


def _heads(table: Table, bound: bool) -> list[str]:
    """Return the heads of the columns between the seeds and the best checkpoint."""
    gain = 'mean gain' if table.has_pairs else f'{table.sets[0]}: gain'
    scores = columns_of(table) if table.has_pairs else [f'{name}, {table.metric}' for name in table.sets]
    return [*scores, gain, *['of the gap'] * bound, *[CLASS_MEAN] * (table.task == 'classification')]


def _best_note(table: Table) -> list[str]:
    where = 'of each run' if table.has_pairs else f'on "{table.sets[0]}"'
    note = f'\\* the checkpoint with the highest {table.metric} {where}, chosen by target labels: no result.'
    return [note] if table.validations != 1 else []


def _share_of_gap(*scores: dict[int, float]) -> str:
    """Tell how far a row is from the baseline to the bound, in the mean score of the seeds that all three have."""
    seeds = set.intersection(*map(set, scores))
    if not seeds:
        return '–'
    row, low, high = (fmean(one[seed] for seed in seeds) for one in scores)
    return f'{(row - low) / (high - low):.0%}' if high > low else '–'


def _by_class(table: Table, results: dict[str, RowResults]) -> list[str]:
    """Return a line a row: the mean IoU of each class on the main set. Classifiers have too many classes for a page."""
    if table.task != 'segmentation':
        return []
    scores = {row: list(found.scores(table.sets[0]).values()) for row, found in results.items()}
    classes = list(dict.fromkeys(key for seeds in scores.values() for one in seeds for key in one if key != 'mIoU'))
    means = {
        row: [_mean([one[key] for one in seeds if key in one]) for key in classes] for row, seeds in scores.items()
    }
    lines = [['', *classes], *[[row, *cells] for row, cells in means.items()]]
    return [f'IoU of each class on "{table.sets[0]}":', markdown(lines)]


def _mean(values: list[float]) -> str:
    return f'{fmean(values):.1f}' if values else '–'


def _cost(results: dict[str, RowResults]) -> str:
    records = [record for found in results.values() for record in found.runs()]
    if not records:
        return 'No run yet.'
    seconds = [record['processor_seconds'] for record in records]
    untimed = f' ({seconds.count(None)} made in several parts, their time not counted)' if None in seconds else ''
    hours = f', {sum(filter(None, seconds)) / 3600:.1f} processor hours' if any(seconds) else ''
    machines = sorted({f'{record["hardware"]["cpu"]}, torch {record["hardware"]["torch"]}' for record in records})
    commits = sorted({commit for record in records for commit in record['commit'].split(', ')})
    return (
        f'{len(records)} {"runs" if len(records) > 1 else "run"}{untimed}{hours} on '
        f'{"; ".join(machines)}, one thread a run; commit {", ".join(commits)}.'
    )


def write_page(path: Path, tables: Sequence[Table]) -> None:
    """Make the tables of the page anew; what stands around them stays."""
    text = _made(path, tables)
    with atomic_write(path, 'w') as file:
        file.write(text)
    _check_prose(path, text)


def check_page(path: Path, tables: Sequence[Table]) -> None:
    """Compare the page with the records.

    Raises:
        UserError: A table of the page is not what the records give, or a figure of the text stands in no table.
    """
    text, made = path.read_text(), _made(path, tables)
    difference = _difference(text.splitlines(), made.splitlines())
    if difference is not None:
        raise UserError(f'{path} {difference}: make its tables by --write')
    _check_prose(path, text)


def check_pages(paths: Sequence[Path], tables: Sequence[Table]) -> None:
    """Refuse a table that none of the pages has.

    Raises:
        UserError: There is one.
    """
    found = {name for path in paths if path.is_file() for name in MARK.findall(path.read_text())}
    for table in tables:
        if table.path.stem not in found:
            pages = ' or '.join(map(str, paths))
            raise UserError(
                f'{table.path.stem} is no table of {pages}: begin it there with the lines '
                f'<!-- table: {table.path.stem} --> and <!-- end of table -->'
            )


def _made(path: Path, tables: Sequence[Table]) -> str:
    if not path.is_file():
        raise UserError(f'there is no {path}: begin it with the lines <!-- table: NAME --> and <!-- end of table -->')
    text, by_name = path.read_text(), {table.path.stem: table for table in tables}
    _check_marks(path, text, {*by_name, *(file.stem for file in TABLES.glob('*.yaml'))})
    return BLOCK.sub(lambda match: BLOCKS[match[1]](by_name[match[2]]) if match[2] in by_name else match[0], text)


def _check_marks(path: Path, text: str, known: set[str]) -> None:
    """Refuse marks between which figures would be read by nobody, or text would be replaced."""
    marks, inside = list(MARK.finditer(text)), False
    for mark in marks:
        if bool(mark[1]) == inside:
            raise UserError(f"{path} has '{mark[0]}' where a table {'has not ended' if inside else 'has not begun'}")
        if mark[1] and mark[1] not in known:
            raise UserError(
                f"{path} has a table '{mark[1]}', which no file in configs/benchmark declares"
                + did_you_mean(mark[1], known)
            )
        inside = not inside
    if inside or not marks or len(marks) != 2 * len(BLOCK.findall(text)):
        raise UserError(
            f'{path} has no table, or one whose marks are not whole: a table stands between the lines '
            '<!-- table: NAME --> (or <!-- scores: NAME -->) and <!-- end of table -->'
        )


def _difference(old: list[str], new: list[str]) -> str | None:
    """Tell in what the lines of a page differ from those that the records give."""
    for kind, a, _, c, _ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == 'insert':
            return f"lacks '{new[c]}', which the records give"
        if kind != 'equal':
            return f"has '{_changed(old[a], new[c]) if kind == 'replace' else old[a]}' without a record behind it"
    return None


def _changed(old: str, new: str) -> str:
    """Return the first part of a line that another one has not; all of it if that one only has more."""
    parts = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return next((old[a:b] for kind, a, b, _, _ in parts if kind in ('replace', 'delete')), old)


def _check_prose(path: Path, text: str) -> None:
    """Check that every figure with a decimal point in the text around whole tables stands in one of them."""
    if not any(match[1] == 'table' for match in BLOCK.finditer(text)):
        return
    made = set(FIGURE.findall(' '.join(match[0] for match in BLOCK.finditer(text))))
    prose = re.sub(r'`[^`]*`|\n    .*', '', BLOCK.sub('', text))
    strange = sorted(set(FIGURE.findall(prose)) - made)
    if strange:
        raise UserError(f'{path} says {", ".join(strange)}, which no table of it has: every figure needs a run')
