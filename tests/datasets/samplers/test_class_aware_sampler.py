"""Which classes and images a unit shows: re-typed, over ranks and resumes, and every error."""

import math
from collections import Counter
from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest

from mmuda.datasets import ClassAwareSampler, DataError, DomainSampler

SOURCE = [0, 1, 2, 3, 4] * 4  # class c's images are c, c + 5, ...
LABELS = [0, 1, 2, -1, 3] * 3 + [4, 5]  # class 4 has one target image, class 5 no source image


class Labelled(list):
    """A data set that knows the classes of its images, and loads none."""

    def get_data_info(self, index):
        return dict(gt_label=self[index])


def data(*sources, target=17, classes='abcdef'):
    parts = [*map(Labelled, sources or [SOURCE]), *([range(target)] if target else [])]
    sizes = [len(part) for part in parts]
    return SimpleNamespace(
        datasets=parts,
        sizes=sizes,
        num_sources=len(parts) - bool(target),
        metainfo=dict(classes=tuple(classes)),
        names=[f'part {i}' for i in range(len(parts))],
    )


def build(labels=LABELS, min_per_class=2, dataset=None, **options):
    sampler = ClassAwareSampler(dataset or data(), **dict(dict(ratio=(4, 6), per_class=2, seed=3), **options))
    if labels is not None:
        sampler.set_labels(labels, min_per_class)
    return sampler


def take(sampler, count):
    return [(int(i), i.seed, i.pseudo_label) for i in islice(sampler, count)]


def units(sampler, count):
    """Per unit the classes of its source images and those that its target images say, which must be the labels'."""
    drawn = take(sampler, count * 10)
    found = []
    for start in range(0, len(drawn), 10):
        unit = drawn[start : start + 10]
        assert all(index < len(SOURCE) and label is None for index, _, label in unit[:4])
        assert all(LABELS[index - len(SOURCE)] == label for index, _, label in unit[4:])
        found.append(([SOURCE[index] for index, *_ in unit[:4]], [label for *_, label in unit[4:]]))
    return found


def test_until_it_has_labels_it_draws_as_its_base():
    base = take(DomainSampler(data(), (4, 6), seed=3), 60)
    assert take(build(None), 60) == base
    assert take(build(), 60) != base


def test_a_unit_shows_whole_classes_and_a_round_all_of_them():
    sampler = build()
    assert sampler.eligible == [0, 1, 2, 3]
    shown = []
    for source, target in units(sampler, 40):
        classes = source[::2]
        assert source == [c for c in classes for _ in range(2)]
        assert target == [c for c in classes for _ in range(3)]
        shown += classes
    rounds = [tuple(shown[i : i + 4]) for i in range(0, len(shown), 4)]
    assert all(sorted(one) == [0, 1, 2, 3] for one in rounds)
    assert len(set(rounds)) > 5


def test_a_class_takes_the_next_images_of_its_own_streams():
    """Four source images and three target images a class: two turns are an epoch of the one, one of the other."""
    drawn = take(build(), 10 * 40)
    for c in range(4):
        source = [i for n, (i, *_) in enumerate(drawn) if n % 10 < 4 and SOURCE[i] == c]
        target = [i for n, (i, _, label) in enumerate(drawn) if n % 10 >= 4 and label == c]
        assert len(source) == 40
        assert all(sorted(source[i : i + 4]) == [c, c + 5, c + 10, c + 15] for i in range(0, 40, 4))
        first = [20 + i for i, label in enumerate(LABELS) if label == c]
        assert all(sorted(target[i : i + 3]) == first for i in range(0, 60, 3))


def test_fewer_classes_than_a_unit_shows_come_twice():
    labels = [2] * 3 + [-1] * (len(LABELS) - 3)
    drawn = take(build(labels), 10)
    assert Counter(SOURCE[index] for index, *_ in drawn[:4]) == {2: 4}
    assert len({index for index, *_ in drawn[:4]}) == 4  # the class's first turn and its second
    assert [label for *_, label in drawn[4:]] == [2] * 6
    assert sorted(index - 20 for index, *_ in drawn[4:]) == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize('world_size', [2, 3])
def test_the_ranks_together_are_one_process(world_size):
    whole = take(build(rank=0, world_size=1), 10 * world_size * 6)
    ranks = [take(build(rank=r, world_size=world_size), 60) for r in range(world_size)]
    for n in range(6):
        together = [sample for rank in ranks for sample in rank[10 * n : 10 * n + 10]]
        assert together == whole[10 * world_size * n : 10 * world_size * (n + 1)]


@pytest.mark.parametrize('taken', [0, 3, 10, 44])
def test_a_resume_goes_on_where_it_stopped(taken):
    resumed = build()
    resumed.set_position(taken)
    assert take(resumed, 30) == take(build(), taken + 30)[taken:]


def test_a_running_iterator_follows_with_its_next_unit():
    sampler = build(None)
    running = iter(sampler)
    first = take(running, 10)
    sampler.set_labels(LABELS, 2)
    assert first == take(build(None), 10)
    assert take(running, 20) == take(build(), 30)[10:]


def test_seed_and_labels_are_all_that_matters():
    assert take(build(), 50) == take(build(np.array(LABELS)), 50)
    assert take(build(), 50) != take(build(seed=4), 50)
    assert len({seed for _, seed, _ in take(build(), 200)}) == 200


def test_several_sources_are_pooled():
    sampler = build(dataset=data(SOURCE[:7], SOURCE[7:]))
    assert sampler.source_label.tolist() == SOURCE
    assert take(sampler, 50) == take(build(), 50)


def test_every_sample_has_another_seed_at_every_look():
    first, again, later = (build().every_sample(draw) for draw in (0, 0, 1))
    assert [int(index) for index in first] == list(range(len(SOURCE) + len(LABELS)))
    assert [index.seed for index in first] == [index.seed for index in again]
    assert len({index.seed for index in first + later}) == 2 * len(first)
    assert not {index.seed for index in first} & {seed for _, seed, _ in take(build(), 1000)}
    assert {index.pseudo_label for index in first} == {None}


def test_the_length_is_its_bases():
    assert len(build()) == len(DomainSampler(data(), (4, 6), seed=3)) == 10 * math.ceil(len(SOURCE) / 4)


@pytest.mark.parametrize('ratio, per_class', [((4, 6), 3), ((4, 5), 2), ((4, 4), 0)])
def test_a_ratio_shows_whole_classes(ratio, per_class):
    with pytest.raises(DataError, match=rf'ratio=\({ratio[0]}, {ratio[1]}\) does not show whole .*={per_class} source'):
        build(ratio=ratio, per_class=per_class)


def test_labels_that_do_not_fit_are_named():
    with pytest.raises(DataError, match=r'labels of shape \[3\] for 17 target images: give one each'):
        build([0, 1, 2])
    with pytest.raises(DataError, match='label 6, but there are 6 classes, counted from 0'):
        build([6, *LABELS[1:]])
    with pytest.raises(DataError, match=r'No class has a source image and 4 target images .* most of a class is 3\.'):
        build(min_per_class=4)
    with pytest.raises(DataError, match=r'and 1 target images with its label: 0 of 17 images have one.*mmuda.ACDAHook'):
        build([-1] * len(LABELS), 0)
    with pytest.raises(DataError, match=r'beside extra_source=4: make what its first entry leaves'):
        build(extra_source=4)


def test_data_without_target_or_classes_are_named():
    with pytest.raises(DataError, match=r'ratio=\(4, 6\) on 1 data sets makes 1 streams: give a target'):
        build(dataset=data(target=0))
    with pytest.raises(DataError, match=r'ratio=\(2, 2, 6\) on 3 data sets makes 3 streams: .* a ratio of two entries'):
        build(dataset=data(SOURCE, SOURCE), ratio=(2, 2, 6))
    with pytest.raises(DataError, match='part 0 has an image of class 3, but classes are from 0 to 2'):
        build(dataset=data(classes='abc'))
    with pytest.raises(DataError, match='part 0 knows 0 classes of its image 0, and sampling by classes needs one'):
        build(dataset=SimpleNamespace(**dict(vars(data()), datasets=[range(20), range(17)])))


def test_extra_source_images_are_of_all_classes():
    """Classes without enough target images are in the batch all the same; the rest of a unit is as without extras."""
    options = dict(ratio=(6, 6), per_class=2, extra_source=2)
    drawn = take(build(min_per_class=3, **options), 12 * 10)
    extra = [row for unit in range(10) for row in drawn[12 * unit : 12 * unit + 2]]
    by_class = [row for unit in range(10) for row in drawn[12 * unit + 2 : 12 * unit + 6]]
    assert {SOURCE[index] for index, *_ in extra} == {0, 1, 2, 3, 4}
    assert {SOURCE[index] for index, *_ in by_class} == {0, 1, 2, 3}
    base = [index for index, *_ in take(DomainSampler(data(), (2, 6), seed=3), 8 * 10)]
    assert [index for index, *_ in extra] == [index for unit in range(10) for index in base[8 * unit : 8 * unit + 2]]
    without = take(build(min_per_class=3), 10 * 10)
    assert [row[0] for row in by_class] == [row[0] for unit in range(10) for row in without[10 * unit : 10 * unit + 4]]
    parts = [take(build(min_per_class=3, rank=rank, world_size=2, **options), 24) for rank in (0, 1)]
    assert parts[0][:12] + parts[1][:12] + parts[0][12:] + parts[1][12:] == drawn[:48]
