"""The engine of all converters: from rules to whole files, in several processes.

It leaves out what is done already, names each file that cannot be converted, and says how many files there are beside
how many were published.
"""

import argparse
import glob
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import cv2
import numpy as np
from mmengine.utils import track_parallel_progress, track_progress
from published import Source, open_source, read_member
from rules import Content, Conversion, Place, Rule, Task, copied, inputs_of, is_itself, path_of, plan

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.datasets.errors import DataError
from mmuda.datasets.filling import filling
from mmuda.datasets.reading import facts_of
from mmuda.storage import atomic_write, remove_leftovers


def run(doc: str, conversions: Conversion | Mapping[str, Conversion]) -> None:
    """Run the command line that all converters have.

    Args:
        doc: what `--help` shows.
        conversions: one, or several that the first argument chooses from.
    """
    run_tool(lambda: _run(doc, conversions))


def _run(doc: str, conversions: Conversion | Mapping[str, Conversion]) -> None:
    parser = make_parser(doc)
    if isinstance(conversions, Mapping):
        parser.add_argument('set', choices=sorted(conversions), help='the data set')
    args = parser.parse_args()
    carry_out(lambda: conversions[args.set] if isinstance(conversions, Mapping) else conversions, args)


def make_parser(doc: str) -> argparse.ArgumentParser:
    """Make the parser of the arguments that all converters have."""
    parser = ToolParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--src', nargs='+', required=True, help='what was downloaded: zip or tar archives, or a folder')
    parser.add_argument('--out', help='the folder to fill; left out: the folder of --src, whose own files stay')
    parser.add_argument('--nproc', type=at_least(1), default=min(os.cpu_count() or 1, 16), help='processes')
    parser.add_argument('--overwrite', action='store_true', help='also make what is already there')
    return parser


def carry_out(make: Callable[[], Conversion], args: argparse.Namespace) -> None:
    """Convert, and print how many files there are.

    Args:
        make: gives the conversion; what is wrong with that is the user's error, too.
        args: of :func:`make_parser`.
    """
    try:
        conversion = make()
        errors = convert(conversion.rules, args.src, _out(args), args.nproc, args.overwrite)
        for line in report(conversion.published, _out(args)):
            print(line)
    except (DataError, OSError) as error:
        raise UserError(str(error)) from error
    if errors:
        raise UserError(errors[0] + (f' (and {len(errors) - 1} more files)' if len(errors) > 1 else ''))


def convert(
    rules: Sequence[Rule], paths: Sequence[str], out: str, nproc: int = 1, overwrite: bool = False
) -> list[str]:
    """Make every output that is not there yet; returns a sentence for each that cannot be made."""
    in_place = os.path.realpath(out) in map(os.path.realpath, paths)
    sources = [open_source(path, None if in_place else out) for path in paths]
    tasks = plan(rules, sources, out)
    if not tasks:
        found = f'there is no file {inputs_of(rules)} in {", ".join(paths)}'
        raise DataError(f'{found}: name what you downloaded in --src')
    itself = [task.output for task in tasks if is_itself(task, sources) and rules[task.rule].how is not copied]
    if itself:
        raise DataError(f"'{itself[0]}' would be converted in its own place: give another folder to --out")
    with filling([out] if _todo(tasks, sources, overwrite) else []):  # one that is counted only may be read only
        todo = _todo(tasks, sources, overwrite)
        print(f"{len(todo)} of {len(tasks)} files to make in '{out}'")
        return _make_all(todo, rules, sources, nproc)


def _todo(tasks: Sequence[Task], sources: Sequence[Source], overwrite: bool) -> list[Task]:
    """Return those whose outputs are missing; all but copies onto themselves where outputs are made again."""
    if overwrite:
        return [task for task in tasks if not is_itself(task, sources)]
    return [task for task in tasks if not os.path.exists(task.output)]


def _make_all(todo: Sequence[Task], rules: Sequence[Rule], sources: Sequence[Source], nproc: int) -> list[str]:
    """Write all outputs; a sentence for each that cannot be made."""
    for folder in {os.path.dirname(task.output) for task in todo}:
        remove_leftovers(folder)
    if nproc > 1 and len(todo) > 1:
        errors = track_parallel_progress(
            _make, todo, min(nproc, len(todo)), initializer=_start, initargs=(rules, sources), chunksize=4
        )
    else:
        _start(rules, sources)
        errors = track_progress(_make, todo) if todo else []
    print()
    return [error for error in errors if error]


def report(published: Mapping[str, int], out: str) -> Iterator[str]:
    """Yield how many files there are, and how many were published."""
    found = {pattern: _count(out, pattern) for pattern in published}
    for pattern, number in published.items():
        yield f'{pattern}: {found[pattern]:,} of {number:,} published'
    if any(found[pattern] < number for pattern, number in published.items()):
        yield 'That is less than there is: name the other archives in --src too, if you want all.'


def _out(args: argparse.Namespace) -> str:
    if args.out is None and (len(args.src) > 1 or not os.path.isdir(args.src[0])):
        raise DataError(f'--out is missing: only one folder can be converted in its place, not {args.src}')
    return args.out or args.src[0]


def _count(out: str, pattern: str) -> int:
    pattern, _, array = pattern.partition(':')
    found = glob.glob(os.path.join(glob.escape(out), pattern), recursive=True)
    if not array or not found:
        return len(found)
    try:
        with np.load(found[0], allow_pickle=False) as archive:
            return len(archive[array])
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"'{found[0]}' is no complete archive with the array '{array}' ({error}): remove it, or make it again by "
            '--overwrite'
        ) from error


_worker: dict = {}


def _start(rules: Sequence[Rule], sources: Sequence[Source]) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
    _worker.update(rules=rules, sources=sources)


def _make(task: Task) -> str | None:
    """Write one output; a sentence when that fails."""
    rule, sources = _worker['rules'][task.rule], _worker['sources']
    path = path_of(task.inputs[0], sources)
    try:
        content = rule.how(*(read_member(sources[place.source], place.name) for place in task.inputs))
        if isinstance(content, np.ndarray):
            _check_size(content, task.image, sources)
        _save(content, task.output)
    except DataError as error:
        return f"'{path}': {error}"
    except OSError as error:
        return f"'{task.output}' cannot be written ({error.strerror or error})"
    return None


def _check_size(labels: np.ndarray, image: Place | None, sources: Sequence[Source]) -> None:
    """Refuse a label map of another size than its image."""
    if image is None:
        return
    path = path_of(image, sources)
    width, height = facts_of(read_member(sources[image.source], image.name), f"its image '{path}'").size
    if labels.shape != (height, width):
        raise DataError(
            f"it has {labels.shape[1]}×{labels.shape[0]} pixels, but '{path}' {width}×{height}: remove both, or leave "
            'the image out by a list file (`ann_file`)'
        )


def _save(content: Content, path: str) -> None:
    """Write a file or folder that is whole or not there; what an interrupted run left is replaced.

    Raises:
        DataError: the folder holds what is not of this conversion, and would be gone.
    """
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    if not isinstance(content, dict):
        _write(content, path)
        return
    others = sorted(set(os.listdir(path)) - set(content)) if os.path.isdir(path) else []
    if others:
        raise DataError(f"it would replace the folder '{path}', which holds '{others[0]}', too: move that elsewhere")
    parts = os.path.join(folder, f'.{name}.parts')
    shutil.rmtree(parts, ignore_errors=True)
    os.mkdir(parts)
    for part, one in content.items():
        _write(one, os.path.join(parts, part))
    shutil.rmtree(path, ignore_errors=True)
    os.replace(parts, path)


def _write(content: bytes | np.ndarray, path: str) -> None:
    if isinstance(content, np.ndarray):
        content = cv2.imencode('.png', content)[1].tobytes()
    with atomic_write(path, sync=False) as file:  # what a power cut spoils can be made again
        file.write(content)
