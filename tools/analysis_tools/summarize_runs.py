"""Mean ± standard deviation of scores over runs that differ in their seed.

    python tools/analysis_tools/summarize_runs.py 'source only=work_dirs/source_s*' \\
        'STCT=work_dirs/stct_s*' --per-class

Prints a Markdown table, one row a group; the score of a run is its last one (`--pick best`: the
best one, which is chosen on the test labels, if it is made of them, and therefore flatters).
"""

import argparse
from pathlib import Path

from runs import add_groups, find_groups

from mmuda.apis import ToolParser, UserError, run_tool
from mmuda.apis.run_log import read_log
from mmuda.apis.tables import markdown, spread
from mmuda.scores import criterion_of, digits_of, goodness


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Mean and deviation of scores over runs')
    add_groups(parser)
    parser.add_argument('--score', default='mIoU', help='main score (default: mIoU)')
    parser.add_argument('--per-class', action='store_true', help='also the IoU of every class')
    parser.add_argument(
        '--pick', choices=['last', 'best'], default='last', help='which evaluation of a run counts (default: last)'
    )
    return parser.parse_args()


def run_score(work_dir: Path, score: str, pick: str) -> dict:
    """Return the evaluation of a run that counts."""
    rows = [row for row in read_log(work_dir) if score in row]
    if not rows:
        raise UserError(f"{work_dir} has no log of the score '{score}': has the run been evaluated?")
    return rows[-1] if pick == 'last' else max(rows, key=lambda row: goodness(score, row[score]))


def table(groups: dict[str, list[dict]], columns: list[str], note: str = '') -> str:
    """Return Markdown, one row a group; the note follows the name of each score."""
    lines = [['', 'runs', *[column.removeprefix('IoU.') + note for column in columns]]]
    for name, runs in groups.items():
        cells = [spread([run[column] for run in runs], digits_of(column)) for column in columns]
        lines.append([name, str(len(runs)), *cells])
    return markdown(lines)


def main() -> None:
    args = parse_args()
    groups = {
        name: [run_score(path, args.score, args.pick) for path in paths]
        for name, paths in find_groups(args.groups).items()
    }
    columns = [args.score]
    if args.per_class:
        columns += [key for key in next(iter(groups.values()))[0] if key.startswith('IoU.')]
    best = ' (best, chosen by target labels)' if criterion_of(args.score) is None else ' (best)'
    print(table(groups, columns, best if args.pick == 'best' else ''))


if __name__ == '__main__':
    run_tool(main)
