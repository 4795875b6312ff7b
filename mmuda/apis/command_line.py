"""The command line of a tool: a mistake ends in one sentence that begins with ``mmuda: error:``."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from .errors import UserError

BRACKETS = {'(': ')', '[': ']'}


class ToolParser(argparse.ArgumentParser):
    """argparse's parser, whose errors read like every other error of the tools.

    >>> parser = ToolParser(description='Train a model')
    >>> parser.add_cfg_options()
    >>> parser.parse_args(['--cfg-options', 'randomness.seed=1', 'model.neck=None']).cfg_options
    {'randomness.seed': 1, 'model.neck': None}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, allow_abbrev=False, **kwargs)

    def add_cfg_options(self) -> None:
        """Add ``--cfg-options KEY=VALUE ...``, which change settings of the config."""
        self.add_argument(
            '--cfg-options',
            nargs='+',
            action=_Options,
            metavar='KEY=VALUE',
            help='change settings of the config, e.g. train_cfg.max_iters=1000',
        )

    def add_predict_on(self) -> None:
        """Add ``--predict-on student|teacher``."""
        self.add_argument(
            '--predict-on',
            choices=['student', 'teacher'],
            default='student',
            help='which network of a self-training model predicts (default: student)',
        )

    def add_ensemble(self) -> None:
        """Add ``--ensemble CHECKPOINT ...``."""
        self.add_argument(
            '--ensemble',
            nargs='+',
            default=(),
            metavar='CHECKPOINT',
            help='further checkpoints of the config, whose probabilities are averaged with those of the first',
        )

    def error(self, message: str) -> NoReturn:
        """Print the usage and leave the sentence to :func:`run_tool`."""
        self.print_usage(sys.stderr)
        raise UserError(message)


class _Options(argparse.Action):
    """``KEY=VALUE`` words into a dict of dotted keys; several options add up."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Sequence[str],
        option_string: str | None = None,
    ) -> None:
        found = dict(parse_option(word) for word in values)
        setattr(namespace, self.dest, (getattr(namespace, self.dest) or {}) | found)


def at_least(lowest: float) -> Callable[[str], Any]:
    """Return the ``type`` of an argument that is a number of this kind (int or float) and not below."""
    kind = type(lowest)

    def number(text: str) -> Any:
        value = kind(text)
        if not lowest <= value < math.inf:
            raise argparse.ArgumentTypeError(f'{text} is not a number from {lowest} on')
        return value

    number.__name__ = kind.__name__  # what argparse calls it when the text is no number at all
    return number


def fraction(text: str) -> float:
    """Parse a number from 0 to 1: the ``type`` of an argument."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is not a number from 0 to 1')
    return value


def parse_option(word: str) -> tuple[str, Any]:
    """Parse ``KEY=VALUE`` into a dotted key and its value.

        >>> parse_option('train_dataloader.sampler.ratio=(2,1)')
        ('train_dataloader.sampler.ratio', (2, 1))

    Numbers, true, false and None are what they look like, all else is text, as 007 and what stands in quotes. Values in
    brackets or with commas are lists, in parentheses tuples.

    Raises:
        UserError: there is no ``=``, no key, an open bracket, or a dict, whose keys are given one by one.
    """
    key, equals, text = word.partition('=')
    if not equals:
        raise UserError(f"--cfg-options has '{word}', which is no KEY=VALUE: write it in one word, without spaces")
    if not key or key != key.strip() or not all(key.split('.')):
        raise UserError(f"--cfg-options has '{word}', whose key '{key}' is no dotted name: write KEY=VALUE")
    return key, _value(text.strip(), word)


def _value(text: str, word: str) -> Any:
    if len(text) > 1 and text[0] in '\'"' and text[-1] == text[0]:
        return text[1:-1]
    if '{' in text or 'dict(' in text:
        key = word.partition('=')[0]
        raise UserError(f"--cfg-options has '{word}', a dict: give its keys one by one, such as {key}.KEY=VALUE")
    parts = _split(text, word)
    if len(parts) == 1 and text and BRACKETS.get(text[0]) == text[-1]:
        inner = [_value(part, word) for part in _split(text[1:-1], word) if part]
        return tuple(inner) if text[0] == '(' else inner
    return _scalar(text) if len(parts) == 1 else [_value(part, word) for part in parts if part]


def _split(text: str, word: str) -> list[str]:
    """Return the parts between commas that stand in no bracket."""
    parts, expected = [''], []
    for character in text:
        if character in BRACKETS:
            expected.append(BRACKETS[character])
        elif character in BRACKETS.values() and (not expected or expected.pop() != character):
            raise UserError(f"--cfg-options has '{word}', where a '{character}' closes no bracket: mend it")
        if character == ',' and not expected:
            parts.append('')
        else:
            parts[-1] += character
    if expected:
        raise UserError(f"--cfg-options has '{word}', where a '{expected[-1]}' is missing: close the bracket")
    return [part.strip() for part in parts]


def _scalar(text: str) -> Any:
    if text.isdecimal() and text != str(int(text)):
        return text  # zeros in front are a name's, such as a folder's: 007
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None if text == 'None' else {'true': True, 'false': False}.get(text.lower(), text)
