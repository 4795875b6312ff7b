"""Mistakes on the command line and in configs end in one sentence and leave nothing behind."""

import importlib
from pathlib import Path

import pytest


@pytest.fixture
def wrong_commands(monkeypatch):
    """The script beside this file."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module('wrong_commands')


def judged(results) -> list[str]:
    return [
        f'{result.case.tool} {result.case.words}: {result.output}' for result in results if result.ending != 'sentence'
    ]


def test_one_mistake_of_each_kind(wrong_commands):
    results = wrong_commands.measure(each=1)
    assert len(results) == len({result.case.kind for result in results}) == 10
    assert judged(results) == []


@pytest.mark.slow
def test_every_mistake(wrong_commands):
    results = wrong_commands.measure()
    assert len(results) >= 120
    assert judged(results) == []


def test_what_counts_as_a_sentence(wrong_commands):
    case = wrong_commands.mistakes.Mistake('kind', 'train.py', ('x',), 'lr')

    def ending(output: str, status: int = 1, left: tuple = ()) -> str:
        return wrong_commands.judge(case, status, output, set(left), {})

    assert ending('log\nmmuda: error: lr is wrong\n') == 'sentence'
    assert ending('mmuda: error: lr is wrong', status=0) == 'silent'
    assert ending('mmuda: error: something is wrong') == 'unclear'
    assert ending('lr is wrong') == 'unclear'
    assert ending('Traceback (most recent call last):\nmmuda: error: lr') == 'traceback'
    assert ending('mmuda: error: lr is wrong', left=('w',)) == 'left behind'
