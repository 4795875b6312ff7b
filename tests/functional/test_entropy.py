"""Entropies of segmentation methods: stored vectors, the formula in float64, gradients."""

import math

import pytest
import torch

from mmuda.functional import charbonnier, normalized_entropy, self_information


def test_advent_released(segmentation_vectors):
    inputs, outputs = segmentation_vectors('advent.entropy')
    logits = torch.tensor(inputs['logits'])
    assert normalized_entropy(logits).mean().item() == pytest.approx(outputs['entropy_loss'], abs=1e-5)
    torch.testing.assert_close(self_information(logits), torch.tensor(outputs['self_information']), atol=1e-5, rtol=0)


def test_fda_released(segmentation_vectors):
    inputs, outputs = segmentation_vectors('fda.robust_entropy')
    entropy = normalized_entropy(torch.tensor(inputs['logits']))
    released = torch.tensor(outputs['entropy']) * 2.9444 / math.log(19)  # its log 19 has five digits
    torch.testing.assert_close(entropy, released, atol=1e-6, rtol=0)
    assert charbonnier(entropy, 2.0).mean().item() == pytest.approx(outputs['loss'], abs=3e-5)


def test_the_formula_and_its_gradient():
    logits = torch.randn(2, 5, 3, 4, dtype=torch.float64, requires_grad=True)
    p = logits.softmax(1)
    ours, typed = normalized_entropy(logits), -(p * p.log()).sum(1) / math.log(5)
    torch.testing.assert_close(ours, typed)
    grads = [torch.autograd.grad(x.sum(), logits, retain_graph=True)[0] for x in (ours, typed)]
    torch.testing.assert_close(*grads)
    assert torch.autograd.gradcheck(lambda x: charbonnier(normalized_entropy(x)), logits)


def test_ends_of_the_scale():
    assert normalized_entropy(torch.zeros(1, 7, 2)).tolist() == [[pytest.approx(1)] * 2]
    sure = torch.tensor([[0.0, 1000.0, -1000.0]], requires_grad=True)
    entropy = normalized_entropy(sure)
    entropy.sum().backward()
    assert entropy.item() == 0
    assert sure.grad.isfinite().all()
    assert normalized_entropy(torch.randn(2, 1, 3)).tolist() == [[0, 0, 0]] * 2  # of one class nothing is unsure


def test_half_precision_is_measured_in_float32():
    logits = torch.randn(1, 5, 4).bfloat16()
    assert normalized_entropy(logits).dtype == torch.float32
    torch.testing.assert_close(normalized_entropy(logits), normalized_entropy(logits.float()))
