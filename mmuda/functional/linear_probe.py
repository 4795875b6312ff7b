"""A linear map fitted to given features: what a linear classifier can tell from them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


@torch.enable_grad()
def fit_linear(
    x: Tensor, outputs: int, loss: Callable[[Tensor], Tensor], weight_decay: float = 1e-3
) -> Callable[[Tensor], Tensor]:
    """Fit the linear map of standardised features whose scores minimise a loss, by L-BFGS in float64.

    Args:
        x: Features ``[N, C]``.
        outputs: K, scores of a sample.
        loss: Of the scores ``[N, K]``, a number; convex, or else a local minimum is found.
        weight_decay: Factor of half the squared norm of the weights, which is added.

    Returns:
        The map: features ``[M, C]`` -> scores ``[M, K]``.
    """
    x = x.double()
    mean, scale = x.mean(0), x.std(0).clamp_min(1e-6 * x.abs().max().clamp_min(1e-12))
    standardised = (x - mean) / scale
    weight = x.new_zeros(x.shape[1], outputs, requires_grad=True)
    bias = x.new_zeros(outputs, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn='strong_wolfe')

    def objective() -> Tensor:
        optimizer.zero_grad()
        value = loss(standardised @ weight + bias) + weight_decay / 2 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(objective)
    weight, bias = weight.detach(), bias.detach()
    return lambda new: (new.double() - mean) / scale @ weight + bias
