"""CDAN's maps and weights against loops in float64."""

import torch

from mmuda.functional import entropy_weight, multilinear_map, prediction_entropy, randomized_multilinear_map


def case(batch=3, channels=4, classes=5):
    features = torch.randn(batch, channels, dtype=torch.float64)
    logits = torch.randn(batch, classes, dtype=torch.float64)
    return features, logits


def test_the_multilinear_map_is_the_outer_product():
    features, logits = case()
    probability = logits.softmax(1)
    expected = torch.stack([torch.outer(g, f).flatten() for f, g in zip(features, probability)])
    torch.testing.assert_close(multilinear_map(features, probability), expected)


def test_the_randomised_map_keeps_inner_products_in_expectation():
    features, logits = case(2)
    probability = logits.softmax(1)
    exact = multilinear_map(features, probability)
    size = 400_000
    matrices = torch.randn(4, size, dtype=torch.float64), torch.randn(5, size, dtype=torch.float64)
    random = randomized_multilinear_map(features, probability, *matrices)
    assert random.shape == (2, size)
    scale = exact.norm(dim=1).outer(exact.norm(dim=1))
    assert ((random @ random.T - exact @ exact.T).abs() < 0.03 * scale).all()


def test_entropy_and_its_weight():
    _, logits = case()
    probability = logits.softmax(1)
    entropy = -(probability * probability.log()).sum(1)
    torch.testing.assert_close(prediction_entropy(logits), entropy)
    torch.testing.assert_close(entropy_weight(entropy), 1 + torch.exp(-entropy))
    sure = torch.tensor([[100.0, -100.0, -100.0]])
    assert prediction_entropy(sure) == 0
    assert entropy_weight(prediction_entropy(sure)) == 2
