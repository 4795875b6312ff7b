"""Rows of an array, drawn at random or by class, the same ones for a seed. Spans and channels: test_digits.py."""

import numpy as np
import pytest

from mmuda.datasets import DataError, Digits

LABELS = np.arange(60) % 10


@pytest.fixture
def build(tmp_path):
    images = np.arange(60, dtype=np.uint8).repeat(16).reshape(60, 4, 4)  # image i is full of i
    np.savez(tmp_path / 'a.npz', x=images, y=LABELS)
    return lambda **options: Digits('a.npz', data_root=str(tmp_path), **options)


def rows(dataset):
    return [int(dataset[i]['img'][0, 0]) for i in range(len(dataset))]


def test_a_sample_is_a_function_of_its_seed(build):
    drawn = rows(build(sample=20, seed=3))
    assert drawn == rows(build(sample=20, seed=3)) == rows(build(sample=20, seed=3, labelled=False))
    assert drawn == sorted(set(drawn)) != rows(build(sample=20, seed=4))
    assert len(drawn) == 20
    within = rows(build(sample=20, span=(10, 35)))
    assert len(set(within) & set(range(10, 35))) == 20
    assert rows(build(sample=25, span=(10, 35))) == list(range(10, 35))


def test_images_keep_their_classes_and_names(build):
    dataset = build(sample=20, span=(10, 35))
    for info, row in zip((dataset[i] for i in range(20)), rows(dataset)):
        assert info['gt_label'] == LABELS[row]
        assert info['img_path'].endswith(f'a.npz[{row}]')


def test_a_balanced_draw_has_as_many_of_each_class(build):
    dataset = build(per_class=4, seed=1)
    assert np.bincount([dataset[i]['gt_label'] for i in range(40)]).tolist() == [4] * 10
    assert rows(dataset) == rows(build(per_class=4, seed=1)) != rows(build(per_class=4, seed=2))
    assert all(LABELS[row] == dataset[i]['gt_label'] for i, row in enumerate(rows(dataset)))
    assert set(rows(build(per_class=2, span=(20, 50)))) <= set(range(20, 50))


def test_draws_that_are_not_possible_are_named(build):
    for count in (0, 61):
        with pytest.raises(DataError, match=rf"sample={count} cannot be drawn from 60 images of '.*a\.npz'"):
            build(sample=count)
    for count in (0, 7):
        with pytest.raises(DataError, match=f"per_class={count} cannot be drawn from 6 images of '0' in"):
            build(per_class=count)
    for options in (dict(labelled=False), dict(sample=3)):
        with pytest.raises(DataError, match='by its labels: it goes with neither labelled=False nor sample'):
            build(per_class=2, **options)
