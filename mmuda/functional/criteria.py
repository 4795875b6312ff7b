"""Criteria to choose a model by without labels of the target.

Shapes: N target samples (images, or pixels of a segmentation), K classes; rows of ``probability`` ``[N, K]`` sum to 1.
Which end of a criterion is the good one: :data:`mmuda.scores.CRITERION_RULES`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from .linear_probe import fit_linear


def mean_entropy(probability: Tensor) -> Tensor:
    """Measure how unsure predictions are on average.

        H = −1/N Σ_i Σ_k p_ik log p_ik / log K        (Morerio et al., ICLR 2018, choose by it)

    A model that is sure of one class everywhere has the best value, right or not.

    Args:
        probability: ``[N, K]``.

    Returns:
        Scalar in units of log K, from 0 (sure, as of one class) to 1.

    Example:
        >>> mean_entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
        tensor(0.5000)
    """
    return torch.special.entr(probability).sum(1).mean() / math.log(max(probability.shape[1], 2))


def mutual_information(probability: Tensor) -> Tensor:
    """Measure the information that predictions have of which sample they are for: sure each, and diverse together.

        I = H(1/N Σ_i p_i) − 1/N Σ_i H(p_i)        (Shi and Sha, ICML 2012; "InfoMax")

    Args:
        probability: ``[N, K]``.

    Returns:
        Scalar in units of log K, from 0 (all rows alike) to 1 (sure, and each class as often).

    Example:
        >>> mutual_information(torch.eye(3))
        tensor(1.)
    """
    return mean_entropy(probability.mean(0, keepdim=True)) - mean_entropy(probability)


def soft_neighbourhood_density(probability: Tensor, temperature: float = 0.05, rows: int = 1024) -> Tensor:
    """Measure how many close neighbours the predictions have (SND; Saito et al., ICCV 2021).

        S_ij = ⟨f_i, f_j⟩,  P_ij = exp(S_ij / τ) / Σ_{j' ≠ i} exp(S_ij' / τ)
        H = −1/N Σ_i Σ_{j ≠ i} P_ij log P_ij

    f_i are the predictions, scaled to length 1. The value grows with log N: compare models on the same samples. A model
    that predicts one class everywhere has the best value. The released code gives a sample's similarity to itself the
    least value, −1, instead of leaving it out, which adds e^(−40) at this temperature.

    Args:
        probability: ``[N, K]``.
        temperature: τ of the paper.
        rows: Rows of the ``[N, N]`` similarities that are in memory at a time.

    Returns:
        Scalar in nats, at most log(N − 1); 0 for one sample, which has no neighbour.

    Example:
        >>> soft_neighbourhood_density(torch.eye(2).repeat_interleave(3, 0)).exp().round()
        tensor(2.)
    """
    if len(probability) < 2:
        return probability.new_zeros(())
    vectors = F.normalize(probability)
    total = probability.new_zeros(())
    for start in range(0, len(vectors), rows):
        similarity = vectors[start : start + rows] @ vectors.T / temperature
        similarity.diagonal(start).fill_(-torch.inf)
        total = total + torch.special.entr(similarity.softmax(1)).sum()
    return total / len(vectors)


def batch_nuclear_norm(probability: Tensor) -> Tensor:
    """Measure at once how sure and how diverse predictions are (BNM; Cui et al., CVPR 2020).

        ‖P‖_* / √(N · min(N, K)),  ‖P‖_* = Σ_k σ_k(P)

    The divisor is the largest value that there is, so that sets of several sizes compare.

    Args:
        probability: ``[N, K]``.

    Returns:
        Scalar up to 1.

    Example:
        >>> batch_nuclear_norm(torch.eye(3))
        tensor(1.)
    """
    count, classes = probability.shape
    return torch.linalg.matrix_norm(probability, 'nuc') / math.sqrt(count * min(count, classes))


def class_correlation(probability: Tensor) -> Tensor:
    """Measure how near the correlation of classes is to that of sure and balanced predictions (Corr-C).

        cos(C, I) = tr C / (√K · ‖C‖_F),  C = PᵀP / N        (SoftmaxCorr; Tu et al., TMLR 2024, arXiv:2406.09908)

    Args:
        probability: ``[N, K]``.

    Returns:
        Scalar from 1/√K (one class, or no preference at all) to 1.

    Example:
        >>> class_correlation(torch.eye(3))
        tensor(1.)
    """
    correlation = probability.T @ probability
    return correlation.trace() / (math.sqrt(probability.shape[1]) * correlation.norm())


def density_ratio(source: Tensor, target: Tensor, at: Tensor) -> Tensor:
    """Estimate p_target / p_source of features by telling the domains apart (Bickel et al., ICML 2007).

        w(f) = N_s / N_t · J(target | f) / J(source | f)        (as in DEV)

    J is logistic regression here; the paper trains a small network.

    Args:
        source: Features ``[N_s, C]`` of one domain.
        target: Features ``[N_t, C]`` of the other.
        at: Features ``[M, C]``.

    Returns:
        ``[M]``, float64.
    """
    domain = torch.cat((source.new_zeros(len(source)), target.new_ones(len(target)))).double()
    features = torch.cat((source, target))
    score = fit_linear(features, 1, lambda z: F.binary_cross_entropy_with_logits(z.squeeze(1), domain))
    return score(at).squeeze(1).exp() * (len(source) / len(target))


def deep_embedded_validation(loss: Tensor, weight: Tensor) -> Tensor:
    """Estimate the target's risk by the losses of source samples that look like it (DEV; You et al., ICML 2019).

        R = mean(L) + η mean(W) − η,  L_i = w_i ℓ_i,  η = −Cov(L, W) / Var(W)        (Algorithm 1)

    Equal weights control nothing: η = 0.

    Args:
        loss: ``[N]`` of labelled source samples that the model was not trained on.
        weight: ``[N]``, their density ratios.

    Returns:
        Scalar; less is better.

    Example:
        >>> deep_embedded_validation(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0]))
        tensor(2.)
    """
    weighted = weight * loss
    spread = weight - weight.mean()
    variance = spread.square().mean()
    covariance = ((weighted - weighted.mean()) * spread).mean()
    rounding = 8 * torch.finfo(weight.dtype).eps * weight.abs().max()  # of equal weights around their mean
    control = torch.where(variance > rounding.square(), -covariance / variance, 0)
    return weighted.mean() + control * weight.mean() - control
