"""The logarithm of 1 − softmax, also where softmax is 1 in float32."""

import torch

from mmuda.functional import log_complement


def test_it_is_the_formula_with_its_gradient():
    logits = torch.randn(6, 4, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([0, 1, 2, 3, 0, 1])
    expected = torch.log(1 - logits.softmax(1).gather(1, label.unsqueeze(1)).squeeze(1))
    torch.testing.assert_close(log_complement(logits, label), expected)
    assert torch.autograd.gradcheck(lambda x: log_complement(x, label), logits)


def test_a_sure_classifier_gives_finite_values_and_gradients():
    logits = torch.tensor([[200.0, 0.0, 0.0], [-200.0, 0.0, 0.0]], requires_grad=True)
    value = log_complement(logits, torch.tensor([0, 0]))
    torch.testing.assert_close(value, torch.tensor([0.6931472 - 200, 0.0]))
    value.sum().backward()
    torch.testing.assert_close(logits.grad[0], torch.tensor([-1.0, 0.5, 0.5]))
