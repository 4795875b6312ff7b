"""Which rank is blamed, and how."""

import json
import time

import pytest
import torch.distributed as dist

from mmuda.processes import StallWatch, await_verdict, mark, stalls
from mmuda.processes.progress import main_place, progress
from mmuda.processes.stalls import Record, Verdict, describe


def records(*positions, waits=()) -> dict[int, Record]:
    return {
        rank: Record(
            rank,
            9,
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
    'now, silent, expected',
    [
        (
            records((3, 1, 0), (2, 1, 0)),
            [],
            'rank 1 (here) of 2 has been in step 3 for 60 s, at a/b.py:5 (f): the other',
        ),
        (records((3, 1, 0), (3, 0, 0)), [], 'rank 1 (here) of 2 has been'),
        (records((3, 1, 0), (3, 1, 0), waits=(1,)), [], 'rank 0 (here) of 2 has been in step 3'),
        (
            records((3, 1, 0), (3, 1, 0)),
            [],
            'no rank goes on: rank 0 (here) has been in step 3 for 60 s, at a/b.py:5 (f); rank',
        ),
        (records((3, 1, 0), (2, 1, 0)), [0], 'rank 0 (here) of 2 ranks gives no sign of life: the process has ended'),
        (records((3, 1, 0)), [1], 'rank 1 of 2 ranks gives no sign of life'),
        ({}, [0, 1], 'no rank answers, nor does the store at store:1: the launcher or rank 0 is gone'),
    ],
    ids=['step', 'data', 'wait', 'nobody', 'silent', 'never', 'store'],
)
def test_the_rank_that_keeps_the_others_waiting(now, silent, expected, monkeypatch):
    monkeypatch.setenv('MASTER_ADDR', 'store')
    monkeypatch.setenv('MASTER_PORT', '1')
    assert describe(now, silent, 2).startswith(expected)


ENDS = pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')  # SystemExit in a thread


@pytest.fixture
def watches(monkeypatch):
    """The watches of two ranks on one store, and what they say when they end their processes; a tick is short."""
    monkeypatch.setattr(stalls, 'TICK', 0.02)
    monkeypatch.setattr(stalls, 'SILENCE', 0.5)
    ended, store, both = [], dist.HashStore(), []

    def end(status, sentence):
        ended.append(sentence)
        raise SystemExit

    monkeypatch.setattr(stalls, 'end_at_once', end)
    for rank in range(2):
        both.append(StallWatch(600, lambda: 'the advice'))
        both[-1].rank, both[-1].ranks, both[-1]._store = rank, 2, store
    yield *both, ended
    for watch in both:
        watch.stop()


def test_a_rank_is_known_as_soon_as_it_is_watched(watches):
    first, second, _ = watches
    second.start()
    second.stop()  # before its thread has published anything
    assert first._records()[1].name.startswith('rank 1 (process ')


@ENDS
def test_no_rank_ends_before_the_others_have_heard_why(watches):
    """Its end would be a lost connection to them, which they would speak of instead."""
    first, second, ended = watches
    first.start()
    first.asked.set()
    while first._told() is None:
        second._publish(0.0)
        time.sleep(0.01)
    time.sleep(0.3)  # the second is slow to look
    assert not ended
    own = Verdict('came to another verdict in the same moment', [0, 1])
    assert second._agreed(own) == second._told() == first._told() != own
    second._wait_for_hearing(second._told().living)
    first.join()
    assert ended == [f'mmuda: error: {second._told().sentence}; the advice']


@ENDS
def test_a_main_thread_that_lost_a_rank_lets_the_watch_speak(watches):
    first, second, ended = watches
    second._publish(0.0)  # and nothing more: it ends
    first.start()
    await_verdict()
    (sentence,) = ended
    assert sentence.startswith('mmuda: error: rank 1 (process ')
    assert (
        ' of 2 ranks gives no sign of life: the process has ended (look at its own messages) or is stopped' in sentence
    )
    first.stop()
    await_verdict()  # nobody watches


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
