"""Streams of a data set."""

from mmuda.datasets.samplers.stream import Stream, build_streams


def test_any_position_is_reached_in_any_order():
    one, other = Stream(0, 10, 4, 1, True), Stream(0, 10, 4, 1, True)
    forwards = [one.at(k, seed=3) for k in range(40)]
    backwards = [other.at(k, seed=3) for k in reversed(range(40))][::-1]
    assert forwards == backwards
    assert sorted(forwards[:4]) == [10, 11, 12, 13]


def test_streams_of_one_seed_differ():
    first, second = (Stream(number, 0, 50, 1, True) for number in (0, 1))
    assert [first.at(k, 1) for k in range(50)] != [second.at(k, 1) for k in range(50)]


def test_what_is_a_source():
    streams = build_streams([4, 3, 5], 2, (1, 2, 3))
    assert [(s.offset, s.size, s.share, s.is_source) for s in streams] == [
        (0, 4, 1, True),
        (4, 3, 2, True),
        (7, 5, 3, False),
    ]
    assert all(stream.is_source for stream in build_streams([4, 3], 2, (1, 1)))
