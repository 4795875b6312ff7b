"""Which rank is blamed, and how."""

import json

import pytest

from mmuda.processes import mark
from mmuda.processes.progress import main_place, progress
from mmuda.processes.stalls import Record, describe


def records(*positions, waits=(), ticks=None) -> dict[int, Record]:
    return {
        rank: Record(
            rank,
            (ticks or {}).get(rank, 9),
            list(position),
            'in step 3',
            'a/b.py:5 (f)',
            rank in waits,
            False,
            60.0,
            'here',
        )
        for rank, position in enumerate(positions)
    }


@pytest.mark.parametrize(
    'now, expected',
    [
        (records((3, 1, 0), (2, 1, 0)), 'rank 1 (here) of 2 has been in step 3 for 60 s, at a/b.py:5 (f): the other'),
        (records((3, 1, 0), (3, 0, 0)), 'rank 1 (here) of 2 has been'),
        (records((3, 1, 0), (3, 1, 0), waits=(1,)), 'rank 0 (here) of 2 has been in step 3'),
        (
            records((3, 1, 0), (3, 1, 0)),
            'no rank goes on: rank 0 (here) has been in step 3 for 60 s, at a/b.py:5 (f); rank',
        ),
        (records((3, 1, 0), (2, 1, 0), ticks={0: 1}), 'rank 0 (here) of 2 ranks gives no sign of life'),
        (records((3, 1, 0)), 'rank 1 of 2 ranks gives no sign of life'),
        ({}, 'no rank answers within 60 s, nor does the store at store:1: the launcher or rank 0 is gone'),
    ],
    ids=['step', 'data', 'wait', 'nobody', 'silent', 'never', 'store'],
)
def test_the_rank_that_keeps_the_others_waiting(now, expected, monkeypatch):
    monkeypatch.setenv('MASTER_ADDR', 'store')
    monkeypatch.setenv('MASTER_PORT', '1')
    before = records((0, 0, 0), (0, 0, 0), ticks={0: 1, 1: 1})
    assert describe(before, now, 2, 60).startswith(expected)


def test_a_record_travels_as_text():
    record = records((3, 1, 0))[0]
    assert Record(*json.loads(json.dumps(record))) == record


def test_marks_and_places():
    beats = progress.beats
    mark('in a test', (1, 2, 3))
    mark('in another')
    assert (progress.beats, progress.doing, progress.position) == (beats + 2, 'in another', (1, 2, 3))
    place = main_place()
    assert place.text.startswith('mmuda/processes/progress.py:')
    assert (place.waits, place.loads) == (False, False)
    mark('preparing', (0, 0, 0))
