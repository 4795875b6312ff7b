"""Spherical k-means: a re-typed loop in float64, and what must hold for empty clusters and zero vectors."""

import math

import pytest
import torch

from mmuda.functional import centre_movement, class_centres, spherical_kmeans


def d(x, y):
    dot, x2, y2 = (sum(a * b for a, b in zip(p, q)) for p, q in ((x, y), (x, x), (y, y)))
    return (1 - dot / math.sqrt(x2 * y2)) / 2


def loop(features, centres, max_iters, tolerance):
    """Sample by sample, cluster by cluster."""
    initial = centres
    movement, count = math.inf, 0
    while count < max_iters and movement >= tolerance:
        label = [min(range(len(centres)), key=lambda k: d(x, centres[k])) for x in features]
        new = []
        for k, start in enumerate(initial):
            members = [x for x, own in zip(features, label) if own == k]
            new.append([sum(column) for column in zip(*members)] if members else start)
        movement = sum(map(d, centres, new)) / len(new)
        centres, count = new, count + 1
    label = [min(range(len(centres)), key=lambda k: d(x, centres[k])) for x in features]
    return label, [d(x, centres[k]) for x, k in zip(features, label)], centres, count


@pytest.fixture
def data():
    """Three loose clusters of vectors of any length, and starts that lie off them; nobody is near the fourth."""
    generator = torch.Generator().manual_seed(1)
    means = torch.tensor([[4.0, 0, 0], [0, 4, 0], [0, 0, 4]], dtype=torch.float64)
    samples = means.repeat_interleave(20, 0) + 1.5 * torch.randn(60, 3, generator=generator, dtype=torch.float64)
    samples *= samples.sum(1, keepdim=True).sign()
    starts = torch.tensor([[1, 0.9, 0], [0, 1, 0.9], [0.9, 0, 1], [-1, -1, -1]], dtype=torch.float64)
    return samples * torch.rand(60, 1, generator=generator, dtype=torch.float64).add(0.1), starts


@pytest.mark.parametrize('max_iters, tolerance', [(100, 0.005), (100, 1e-12), (1, 0.005), (2, 0.0)])
def test_it_is_the_loop(data, max_iters, tolerance):
    features, starts = data
    label, distance, centres, count = loop(features.tolist(), starts.tolist(), max_iters, tolerance)
    found = spherical_kmeans(features, starts, max_iters, tolerance)
    assert found.label.tolist() == label
    assert found.iterations == count
    torch.testing.assert_close(found.distance, torch.tensor(distance, dtype=torch.float64))
    torch.testing.assert_close(found.centres, torch.tensor(centres, dtype=torch.float64))


def test_the_case_above_moves_and_takes_several_rounds(data):
    found = spherical_kmeans(*data, tolerance=1e-12)
    assert found.iterations > 2
    assert 0 < (found.label == torch.arange(3).repeat_interleave(20)).double().mean() < 1
    assert (found.label != spherical_kmeans(*data, max_iters=1).label).any()


def test_an_empty_cluster_keeps_its_start(data):
    found = spherical_kmeans(*data)
    assert not (found.label == 3).any()
    assert torch.equal(found.centres[3], data[1][3])


def test_the_length_of_vectors_and_starts_does_not_matter_to_the_first_labels(data):
    features, starts = data
    once = spherical_kmeans(features, starts, max_iters=1)
    label = torch.stack([torch.cosine_similarity(features, start[None]) for start in starts], 1).argmax(1)
    torch.testing.assert_close(once.centres[:3], class_centres(features, label, 4)[:3])
    longer = spherical_kmeans(features, starts * torch.tensor([[1], [7], [0.2], [3]]), max_iters=1)
    assert torch.equal(longer.label, once.label)


def test_zero_vectors_have_no_direction():
    features = torch.tensor([[0.0, 0], [-1, 0.1], [2, 0]])
    found = spherical_kmeans(features, torch.tensor([[0.0, 0], [1, 0], [0, 1]]))
    assert found.label.tolist() == [1, 2, 1]  # of equals the first; nobody goes to the centre without direction
    assert found.distance[0] == 0.5
    assert found.iterations <= 3  # a centre that stays a zero vector does not move
    assert not found.centres[0].any()


def test_sums_of_classes_leave_out_negative_labels():
    features = torch.tensor([[1.0, 2], [3, 4], [5, 6], [7, 8]])
    centres = class_centres(features, torch.tensor([2, -1, 0, 2]), 4)
    assert centres.tolist() == [[5, 6], [0, 0], [8, 10], [0, 0]]


def test_movement_is_the_mean_distance_of_rows():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64)
    expected = sum(map(d, first.tolist(), second.tolist())) / 5
    assert centre_movement(first, 3 * second).item() == pytest.approx(expected, abs=1e-15)
    assert centre_movement(torch.zeros(2, 3), torch.zeros(2, 3)) == 0


def test_what_it_refuses():
    x = torch.ones(4, 3)
    with pytest.raises(ValueError, match=r'features of shape \[4, 3\] and centres of shape \[2, 2\]: give'):
        spherical_kmeans(x, torch.ones(2, 2))
    with pytest.raises(ValueError, match='max_iters=0: give 1 or more'):
        spherical_kmeans(x, x, max_iters=0)
    x[2, 1] = float('nan')
    with pytest.raises(ValueError, match='1 of 4 features are NaN or infinite: lower the learning rate'):
        spherical_kmeans(x, torch.ones(2, 3))
