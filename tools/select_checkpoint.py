"""Rank the checkpoints of one or many trainings by criteria that need no labels of the target.

python tools/select_checkpoint.py work_dirs/gta2cs
python tools/select_checkpoint.py work_dirs/stct_s* --images 200 --by snd

Only the checkpoints that a run has kept are seen; a line a run says how many, of how many validations. Where the images
of validation have labels, their score stands beside the criteria, and a second table says how well each criterion would
have chosen: its rank correlation with the score, and the score of its first choice.
"""

import argparse

from mmuda.apis import ToolParser, at_least, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('work_dirs', nargs='+', metavar='WORK_DIR', help='work directory of a training')
    parser.add_argument(
        '--images', type=at_least(1), default=100, help='of the validation, evenly spaced (default: 100)'
    )
    parser.add_argument(
        '--by', metavar='CRITERION', help='what ranks them (default: mutual_information, of classifiers dev)'
    )
    parser.add_argument('--score', help='by labels, where there are some (default: mIoU, of a classifier accuracy)')
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmuda.apis.selection import check_criterion, check_runs, check_same_classes, judge_run
    from mmuda.apis.selection_tables import correlation_table, kept, ranking, recommended

    if args.by is not None:
        check_criterion(args.by)
    check_runs(args.work_dirs, args.cfg_options)
    check_same_classes(args.work_dirs)
    runs = [judge_run(path, args.images, args.score, args.cfg_options) for path in args.work_dirs]
    print('\n'.join(map(kept, args.work_dirs)), end='\n\n')
    candidates = [candidate for run in runs for candidate in run]
    print(ranking(candidates, args.by or recommended(candidates)))
    if table := correlation_table(runs):
        print(f'\n{table}')


if __name__ == '__main__':
    run_tool(main)
