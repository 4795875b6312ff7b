"""The engine of all converters: rules from published files to files that the data sets read.

A converter is a :class:`Conversion`: rules, and the published numbers of files. The engine finds the inputs in folders
and archives, leaves out what is done already, works in several processes, writes whole files only, names each file that
cannot be converted, and says how many files there are beside how many were published.
"""

import argparse
import glob
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.utils import track_parallel_progress, track_progress
from PIL import Image, UnidentifiedImageError
from published import Source, open_member, open_source, read_member

from mmuda.apis import ToolParser, UserError, at_least, run_tool
from mmuda.datasets.errors import DataError
from mmuda.storage import atomic_write, remove_leftovers

Content = bytes | np.ndarray | dict[str, bytes | np.ndarray]
_FIELD = re.compile(r'\{(\w+)(?::([^{}]*))?\}')


@dataclass(frozen=True)
class Rule:
    """Files that one function makes.

    A name is a template: `{stem}` is any part of a name up to the next slash, `{split:train|val}` one that the regular
    expression after the colon (without braces) matches. What stands before a template (`OfficeHomeDataset_10072016/`)
    does not matter; a folder's or archive's own name counts as its outermost folder.

    Args:
        inputs: the published file, or several that make one output together; all fields stand in the first.
        output: the file, or the folder, that is made below `--out`.
        how: from the inputs' bytes to the output: its bytes, a label map (uint8 `[H, W]`, written as PNG), or a dict
            of names and either, which is written as a folder.
        image: the image whose size the label map has to have, looked up where it is among the sources.
    """

    inputs: str | tuple[str, ...]
    output: str
    how: Callable[..., Content]
    image: str = ''


@dataclass(frozen=True)
class Conversion:
    """All that is made of one data set.

    Args:
        rules: where two make the same output, the earlier one does.
        published: pattern of outputs below `--out` -> how many the authors published. `a.npz:y` counts an array's rows.
    """

    rules: tuple[Rule, ...]
    published: Mapping[str, int] = field(default_factory=dict)


class Place(NamedTuple):
    """A published file: number of its source, and name there."""

    source: int
    name: str


class Task(NamedTuple):
    """One output, what makes it, and where it goes."""

    rule: int
    inputs: tuple[Place, ...]
    output: str
    image: Place | None


def copied(content: bytes) -> bytes:
    """The published file as it is."""
    return content


def as_published(template: str) -> Rule:
    """Files that need no conversion: only what lies around them is left out."""
    return Rule(template, _plain(template), copied)


def run(doc: str, conversions: Conversion | Mapping[str, Conversion]) -> None:
    """The command line that all converters have.

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
    """The arguments that all converters have."""
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
        firsts = [rule.inputs if isinstance(rule.inputs, str) else rule.inputs[0] for rule in rules]
        wanted = ', '.join(dict.fromkeys(map(_plain, firsts)))
        raise DataError(f'there is no file {wanted} in {", ".join(paths)}: name what you downloaded in --src')
    missing = [task for task in tasks if not os.path.exists(task.output)]
    todo = [task for task in tasks if not _is_itself(task, sources)] if overwrite else missing
    for folder in {os.path.dirname(task.output) for task in todo}:
        remove_leftovers(folder)
    print(f"{len(todo)} of {len(tasks)} files to make in '{out}'")
    if nproc > 1 and len(todo) > 1:
        errors = track_parallel_progress(
            _make, todo, min(nproc, len(todo)), initializer=_start, initargs=(rules, sources), chunksize=4
        )
    else:
        _start(rules, sources)
        errors = track_progress(_make, todo) if todo else []
    print()
    return [error for error in errors if error]


def plan(rules: Sequence[Rule], sources: Sequence[Source], out: str) -> list[Task]:
    """The outputs of all rules, in the order of the sources' files."""
    tasks: dict[str, Task] = {}
    for number, rule in enumerate(rules):
        made: dict[str, Task] = {}
        for task in _tasks(number, rule, sources, out):
            other = made.get(task.output)
            if other is None or _is_itself(task, sources):
                made[task.output] = task
            elif not _is_itself(other, sources):
                names = ' and '.join(f"'{_path(one.inputs[0], sources)}'" for one in (other, task))
                raise DataError(f"{names} would both become '{task.output}': name one of them in --src")
        tasks = made | tasks
    return sorted(tasks.values(), key=lambda task: task.inputs[0].source)


def report(published: Mapping[str, int], out: str) -> Iterator[str]:
    """How many files there are, and how many were published."""
    found = {pattern: _count(out, pattern) for pattern in published}
    for pattern, number in published.items():
        yield f'{pattern}: {found[pattern]:,} of {number:,} published'
    if any(found[pattern] < number for pattern, number in published.items()):
        yield 'That is less than there is: name the other archives in --src too, if you want all.'


def _out(args: argparse.Namespace) -> str:
    if args.out is None and (len(args.src) > 1 or not os.path.isdir(args.src[0])):
        raise DataError(f'--out is missing: only one folder can be converted in its place, not {args.src}')
    return args.out or args.src[0]


def _tasks(number: int, rule: Rule, sources: Sequence[Source], out: str) -> Iterator[Task]:
    first, *others = (rule.inputs,) if isinstance(rule.inputs, str) else rule.inputs
    tables = {template: dict(_matches(template, sources)) for template in (*others, rule.image) if template}
    for match, place in _found(first, sources):
        names = [template.format_map(match) for template in map(_plain, others)]
        inputs = [place]
        for template, name in zip(others, names):
            if name not in tables[template]:
                raise DataError(f"'{_path(place, sources)}' needs '{name}' beside it: name it in --src too")
            inputs.append(tables[template][name])
        image = tables[rule.image].get(_plain(rule.image).format_map(match)) if rule.image else None
        output = os.path.join(out, *rule.output.format_map(match).split('/'))
        yield Task(number, tuple(inputs), output, image)


def _matches(template: str, sources: Sequence[Source]) -> Iterator[tuple[str, Place]]:
    """(the end of a name that fits a template, its place)."""
    for match, place in _found(template, sources):
        yield _plain(template).format_map(match), place


def _found(template: str, sources: Sequence[Source]) -> Iterator[tuple[dict, Place]]:
    """(fields of a template, place) of all files that fit it."""
    fits = _expression(template).fullmatch
    for number, source in enumerate(sources):
        linked = next((name for name in source.links if fits(f'{source.title}/{name}')), None)
        if linked:
            raise DataError(f"'{linked}' in '{source.path}' is a link: unpack the archive, and name the folder")
        for name in source.names:
            match = fits(f'{source.title}/{name}')
            if match:
                yield match.groupdict(), Place(number, name)


def _expression(template: str) -> re.Pattern:
    """The regular expression of a template; a field that comes again has to have the same text."""
    parts, end, seen = ['(?:.*/)?'], 0, set()
    for found in _FIELD.finditer(template):
        name = found[1]
        parts.append(re.escape(template[end : found.start()]))
        parts.append(f'(?P={name})' if name in seen else f'(?P<{name}>{found[2] or "[^/]+"})')
        seen.add(name)
        end = found.end()
    return re.compile(''.join([*parts, re.escape(template[end:])]))


def _plain(template: str) -> str:
    """A template whose fields have names only."""
    return _FIELD.sub(r'{\1}', template)


def _path(place: Place, sources: Sequence[Source]) -> str:
    return os.path.join(sources[place.source].path, place.name)


def _is_itself(task: Task, sources: Sequence[Source]) -> bool:
    """Whether a file of a folder is its own output: in place, a copy has nothing to do."""
    path = _path(task.inputs[0], sources)
    return os.path.realpath(path) == os.path.realpath(task.output)


def _count(out: str, pattern: str) -> int:
    pattern, _, array = pattern.partition(':')
    found = glob.glob(os.path.join(glob.escape(out), pattern), recursive=True)
    if not array or not found:
        return len(found)
    with np.load(found[0], allow_pickle=False) as archive:
        return len(archive[array])


_worker: dict = {}


def _start(rules: Sequence[Rule], sources: Sequence[Source]) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
    _worker.update(rules=rules, sources=sources)


def _make(task: Task) -> str | None:
    """Write one output; a sentence when that fails."""
    rule, sources = _worker['rules'][task.rule], _worker['sources']
    path = _path(task.inputs[0], sources)
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
    path = _path(image, sources)
    with open_member(sources[image.source], image.name) as file:
        try:
            width, height = Image.open(file).size
        except (OSError, SyntaxError, UnidentifiedImageError) as error:
            raise DataError(f"its image '{path}' is none ({error}): download it again") from error
    if labels.shape != (height, width):
        raise DataError(
            f"it has {labels.shape[1]}×{labels.shape[0]} pixels, but '{path}' {width}×{height}: remove both, or leave "
            'the image out by a list file (`ann_file`)'
        )


def _save(content: Content, path: str) -> None:
    """Write a file or folder that is whole or not there; what an interrupted run left is replaced."""
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    if not isinstance(content, dict):
        _write(content, path)
        return
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
