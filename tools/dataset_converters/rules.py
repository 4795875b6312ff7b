"""What a converter declares: rules from published files to outputs; and which outputs they give for some sources."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from published import Source

from mmuda.datasets.errors import DataError

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
    """Return the published file as it is."""
    return content


def as_published(template: str) -> Rule:
    """Make the rule of files that need no conversion: only what lies around them is left out."""
    return Rule(template, _plain(template), copied)


def plan(rules: Sequence[Rule], sources: Sequence[Source], out: str) -> list[Task]:
    """Plan the outputs of all rules, in the order of the sources' files."""
    tasks: dict[str, Task] = {}
    for number, rule in enumerate(rules):
        made: dict[str, Task] = {}
        for task in _tasks(number, rule, sources, out):
            other = made.get(task.output)
            if other is None or is_itself(task, sources):
                made[task.output] = task
            elif not is_itself(other, sources):
                names = ' and '.join(f"'{path_of(one.inputs[0], sources)}'" for one in (other, task))
                raise DataError(f"{names} would both become '{task.output}': name one of them in --src")
        tasks = made | tasks
    return sorted(tasks.values(), key=lambda task: task.inputs[0].source)


def inputs_of(rules: Sequence[Rule]) -> str:
    """Return what rules look for, in words."""
    firsts = [rule.inputs if isinstance(rule.inputs, str) else rule.inputs[0] for rule in rules]
    return ', '.join(dict.fromkeys(map(_plain, firsts)))


def path_of(place: Place, sources: Sequence[Source]) -> str:
    """Return the path of a published file; of a member, that of its archive with the name in it."""
    return os.path.join(sources[place.source].path, place.name)


def is_itself(task: Task, sources: Sequence[Source]) -> bool:
    """Tell whether a file of a folder is its own output: in place, a copy has nothing to do."""
    path = path_of(task.inputs[0], sources)
    return os.path.realpath(path) == os.path.realpath(task.output)


def _tasks(number: int, rule: Rule, sources: Sequence[Source], out: str) -> Iterator[Task]:
    first, *others = (rule.inputs,) if isinstance(rule.inputs, str) else rule.inputs
    tables = {template: dict(_matches(template, sources)) for template in (*others, rule.image) if template}
    for match, place in _found(first, sources):
        names = [template.format_map(match) for template in map(_plain, others)]
        inputs = [place]
        for template, name in zip(others, names):
            if name not in tables[template]:
                raise DataError(f"'{path_of(place, sources)}' needs '{name}' beside it: name it in --src too")
            inputs.append(tables[template][name])
        image = tables[rule.image].get(_plain(rule.image).format_map(match)) if rule.image else None
        output = os.path.join(out, *rule.output.format_map(match).split('/'))
        yield Task(number, tuple(inputs), output, image)


def _matches(template: str, sources: Sequence[Source]) -> Iterator[tuple[str, Place]]:
    """Yield (the end of a name that fits a template, its place)."""
    for match, place in _found(template, sources):
        yield _plain(template).format_map(match), place


def _found(template: str, sources: Sequence[Source]) -> Iterator[tuple[dict, Place]]:
    """Yield (fields of a template, place) of all files that fit it."""
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
    """Make the regular expression of a template; a field that comes again has to have the same text."""
    parts, end, seen = ['(?:.*/)?'], 0, set()
    for found in _FIELD.finditer(template):
        name = found[1]
        parts.append(re.escape(template[end : found.start()]))
        parts.append(f'(?P={name})' if name in seen else f'(?P<{name}>{found[2] or "[^/]+"})')
        seen.add(name)
        end = found.end()
    return re.compile(''.join([*parts, re.escape(template[end:])]))


def _plain(template: str) -> str:
    """Return a template whose fields have names only."""
    return _FIELD.sub(r'{\1}', template)
