"""DAFormer's rule against its closed form."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from mmuda.datasets import DataError, DomainDataset, DomainSampler, RareClassSampler, SampleIndex
from mmuda.datasets.samplers.rare_class_sampler import RareClassRule

# images × classes; class 3 never has 10 pixels in one image (its minimum: 4, half of 9), class 4 does not occur
COUNTS = np.array([[500, 20, 0, 4, 0], [400, 0, 30, 0, 0], [300, 15, 12, 9, 0]])


def closed_form(temperature):
    frequency = COUNTS.sum(0) / COUNTS.sum()
    weights = np.exp((1 - frequency[:4]) / temperature)
    return weights / weights.sum()


@pytest.mark.parametrize('temperature', [0.5, 0.1, 1.0])
def test_class_probabilities(temperature):
    rule = RareClassRule(COUNTS, temperature, min_pixels=10)
    assert rule.classes.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(rule.probability, closed_form(temperature), rtol=1e-12)


def test_the_released_probabilities(segmentation_vectors):
    inputs, outputs = segmentation_vectors('daformer.rcs_probs')
    counts = np.zeros((3, 18), int)
    for row, image in zip(counts, inputs['pixels_by_image']):
        row[[int(c) for c in image]] = list(image.values())
    for temperature, name in ((0.01, 'prob_T001'), (0.05, 'prob_T005')):
        rule = RareClassRule(counts, temperature)
        shares = dict(zip(rule.classes.tolist(), rule.probability))
        np.testing.assert_allclose([shares.pop(c) for c in outputs['classes']], outputs[name], atol=1e-5)
        assert not shares


def test_an_image_with_just_the_minimum_does_not_qualify():
    rule = RareClassRule(np.array([[3000, 1], [3001, 0], [9000, 1]]), min_pixels=3000)
    assert [images.tolist() for images in rule.images] == [[1, 2], [0, 2]]


def test_a_low_temperature_does_not_overflow():
    assert np.isfinite(RareClassRule(COUNTS, 1e-4, min_pixels=10).probability).all()


def test_images_of_a_class_show_enough_of_it():
    rule = RareClassRule(COUNTS, 0.5, min_pixels=10)
    assert [images.tolist() for images in rule.images] == [[0, 1, 2], [0, 2], [1, 2], [2], []]
    assert rule.minimum.tolist() == [10, 10, 10, 4, 0]


def test_pick_covers_the_unit_square_exactly():
    rule = RareClassRule(COUNTS, 0.5, min_pixels=10)
    grid = (np.arange(400) + 0.5) / 400
    drawn = Counter(rule.pick(a, b) for a in grid for b in grid)
    for place, chosen in enumerate([0, 1, 2, 3]):
        images = rule.images[chosen]
        for image in images:
            share = drawn[chosen, int(image)] / 400**2
            assert share == pytest.approx(rule.probability[place] / len(images), abs=0.006)
    assert rule.pick(0.0, 0.0) == (0, 0)
    assert rule.pick(1 - 2**-53, 1 - 2**-53) == (3, 2)


@pytest.mark.parametrize('min_pixels', [0, 1, 10, 16, 501, 3000])
def test_every_class_that_occurs_is_drawn(min_pixels):
    """The published minimum is for crops of 512×512: on small images it would empty the pools."""
    rule = RareClassRule(COUNTS, min_pixels=min_pixels)
    assert rule.classes.tolist() == [0, 1, 2, 3]
    for counts, least, images in zip(COUNTS.T, rule.minimum, rule.images):
        assert images.tolist() == [i for i, count in enumerate(counts) if count > least]
        assert least == (min_pixels if counts.max() > min_pixels else counts.max() // 2)


def test_labels_without_a_class_are_an_error():
    with pytest.raises(DataError, match='No image of a source has a labelled pixel'):
        RareClassRule(np.zeros((3, 2), int))


@pytest.fixture
def dataset(make_folder):
    source = make_folder('source', 6)
    for i in range(6):  # class 2 is rare: in images 4 and 5 only
        label = np.zeros((20, 24))
        label[:10] = 1
        label[:3, :8] = 2 if i > 3 else 0
        source.label(f'{i:03d}', label)
    return DomainDataset(source.cfg(), make_folder('dusk', 4).cfg())


def take(sampler, count):
    return [(int(i), i.seed, i.rare_class) for i in islice(sampler, count)]


def test_only_the_source_follows_the_rule(dataset):
    rare = take(RareClassSampler(dataset, seed=1, temperature=0.05, min_pixels=5), 400)
    plain = take(DomainSampler(dataset, seed=1), 400)
    assert rare[1::2] == plain[1::2]
    assert all(index < 6 and chosen is not None for index, _, chosen in rare[::2])
    assert {index for index, _, chosen in rare[::2] if chosen == 2} == {4, 5}
    assert Counter(chosen for _, _, chosen in rare[::2]).most_common(1)[0][0] == 2


def test_drawn_classes_follow_the_probabilities(dataset):
    sampler = RareClassSampler(dataset, seed=1, temperature=0.5, min_pixels=5)
    drawn = Counter(chosen for _, _, chosen in take(sampler, 8000)[::2])
    shares = np.array([drawn[c] for c in range(3)]) / 4000
    np.testing.assert_allclose(shares, sampler.rules[0].probability, atol=0.03)


def test_ranks_and_resumes_change_nothing(dataset):
    options = dict(seed=9, min_pixels=5, temperature=0.3)
    whole = take(RareClassSampler(dataset, **options), 40)
    ranks = [take(RareClassSampler(dataset, rank=r, world_size=2, **options), 20) for r in (0, 1)]
    assert sorted(whole) == sorted(ranks[0] + ranks[1])
    resumed = RareClassSampler(dataset, **options)
    resumed.set_position(13)
    assert take(resumed, 27) == whole[13:]


def test_every_source_with_a_share_has_a_rule_of_its_own(make_folder, tmp_path):
    parts = [make_folder('first', 3).cfg(), make_folder('second', 4).cfg()]
    joined = DomainDataset(parts, make_folder('t', 2).cfg())
    apart = RareClassSampler(joined, (1, 1, 1), seed=1, min_pixels=1, cache_file=str(tmp_path / 'counts.npz'))
    assert sorted(apart.rules) == [0, 1]
    assert sorted(path.name for path in tmp_path.glob('counts*')) == ['counts_0.npz', 'counts_1.npz']
    drawn = [index for index, *_ in take(apart, 300)]
    assert set(drawn[::3]) == {0, 1, 2}
    assert set(drawn[1::3]) == {3, 4, 5, 6}
    pooled = RareClassSampler(joined, (2, 1), seed=1, min_pixels=1)
    assert {index for index, *_ in take(pooled, 300)} == set(range(9))


def test_what_the_minimum_became_is_said_and_the_crops_follow(dataset, monkeypatch):
    told = []
    monkeypatch.setattr('mmuda.datasets.samplers.rare_class_sampler.print_log', lambda text, *args: told.append(text))
    sampler = RareClassSampler(dataset, seed=1, temperature=0.5)
    assert len(told) == 1
    assert told[0].endswith('whose minimum is half of the most that one shows: road (132), car (108), sky (12).')
    assert {index.rare_class: index.rare_pixels for index in islice(sampler, 400) if index.rare_class is not None} == {
        0: 132,
        1: 108,
        2: 12,
    }
    RareClassSampler(dataset, seed=1, min_pixels=5)
    assert len(told) == 1


def test_a_crop_has_to_show_half_of_the_minimum(dataset, monkeypatch):
    """Crops of 16×16 cannot show 1500 pixels: without the sampler's minimum all redraws would be in vain."""
    drawn = []
    monkeypatch.setattr('mmuda.datasets.domain_dataset.redraws', lambda *args: drawn.append(1) or iter(()))
    dataset[SampleIndex(4, seed=0, rare_class=2)]
    assert drawn == [1]
    dataset[SampleIndex(4, seed=0, rare_class=1, rare_pixels=120)]
    assert drawn == [1]
