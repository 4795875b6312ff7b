"""One page about trainings, to be sent to somebody: scores, curves, classes, confusion, pictures.

python tools/report.py work_dirs/stct_toy
python tools/report.py 'source only=work_dirs/source_s0' STCT=work_dirs/stct_s0 STCT=work_dirs/stct_s1 --out report.html

Work directories of one name are seeds of one thing: their mean and deviation is shown. The page is one file that loads
nothing from anywhere.
"""

import argparse

from mmuda.apis import ToolParser, at_least, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'runs', nargs='+', metavar='[NAME=]WORK_DIR', help='work directory of a training (default name: its config)'
    )
    parser.add_argument('--out', default='report.html', metavar='PAGE', help='page to write (default: %(default)s)')
    parser.add_argument(
        '--baseline', metavar='NAME', help='what the others are compared with (default: a network that is not adapted)'
    )
    parser.add_argument('--score', help='that counts (default: mIoU, of a classifier accuracy)')
    parser.add_argument(
        '--images',
        type=at_least(0),
        default=20,
        help='of the validation that are predicted for matrices and pictures; 0 for no picture (default: %(default)s)',
    )
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmuda.apis import check_out_file
    from mmuda.apis.report import (
        choose_baseline,
        find_groups,
        look_at_attention,
        look_at_predictions,
        main_score,
        write_page,
    )

    check_out_file(args.out, '--out')
    groups = find_groups(args.runs, args.cfg_options)
    baseline, score = choose_baseline(groups, args.baseline), main_score(groups, args.score)
    groups.sort(key=lambda group: group is not baseline)
    look = look_at_predictions(groups, args.images) if args.images else None
    attention = look_at_attention(groups) if args.images else []
    write_page(args.out, groups, score, baseline, look, attention)
    print(f'\nThe page is {args.out}')


if __name__ == '__main__':
    run_tool(main)
