"""Open every file that a config will read, and say what to mend before a training.

python tools/dataset_doctor.py configs/stct/gta2cs.py
python tools/dataset_doctor.py CONFIG --html data.html        # with pictures, labels drawn over them, and histograms

Exit status 1 where a training would stop or learn nothing.
"""

import argparse
import sys
from pathlib import Path

from mmuda.apis import ToolParser, UserError, at_least, run_tool


def parse_args() -> argparse.Namespace:
    parser = ToolParser(description='Check the data of a config')
    parser.add_argument('config', help='config file')
    parser.add_argument('--html', metavar='PAGE', help='write a page with samples of each domain and their labels')
    parser.add_argument('--nproc', type=at_least(1), help='processes (default: one per core, at most 16)')
    parser.add_cfg_options()
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # imported here, as they take seconds and `--help` should not
    from mmuda.apis import load_config
    from mmuda.apis.doctor import find, overview, read_roles, survey_roles, verdict, write_page

    if args.html is not None:
        check_page(Path(args.html))
    cfg = load_config(args.config, args.cfg_options)
    surveys = survey_roles(read_roles(cfg), args.nproc)
    findings = find(surveys)
    print(f'{overview(surveys)}\n')
    for finding in findings:
        print(f'{finding.level}: {finding.where}: {finding.text}')
    print(f'\n{verdict(findings)}')
    if args.html is not None:
        write_page(args.html, args.config, surveys, findings)
        print(f'The page is {args.html}')
    sys.exit(1 if any(finding.level == 'error' for finding in findings) else 0)


def check_page(path: Path) -> None:
    """Raise unless the page can be written; nothing is opened in vain then."""
    from mmuda.apis import check_out_dir

    if path.is_dir():
        raise UserError(f'--html {path} is a folder: give the name of a file in it, such as {path / "data.html"}')
    if not path.parent.is_dir():
        raise UserError(f'--html {path} lies in a folder that does not exist: make {path.parent} first')
    check_out_dir(path.parent, '--html')


if __name__ == '__main__':
    run_tool(main)
