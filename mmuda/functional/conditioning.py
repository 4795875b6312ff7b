"""What conditions CDAN's discriminator on the classifier (Long et al., NeurIPS 2018).

    multilinear map    T(f, g) = f ⊗ g
    randomised         T(f, g) = (R_f f) ⊙ (R_g g) / √d        R with independent N(0, 1) entries, never trained
    entropy weight     w = 1 + e^(−H(g))        H(g) = −Σ_k g_k log g_k

f are a sample's features, g its class probabilities.
"""

from __future__ import annotations

import torch
from torch import Tensor


def multilinear_map(features: Tensor, probability: Tensor) -> Tensor:
    """Return the outer product of ``[B, C]`` and ``[B, K]``, flattened class by class to ``[B, K·C]``."""
    return torch.einsum('bk,bc->bkc', probability, features).flatten(1)


def randomized_multilinear_map(
    features: Tensor, probability: Tensor, feature_matrix: Tensor, probability_matrix: Tensor
) -> Tensor:
    """Estimate the outer product in d dimensions: inner products agree in expectation.

    Args:
        features: ``[B, C]``.
        probability: ``[B, K]``.
        feature_matrix: ``[C, d]``.
        probability_matrix: ``[K, d]``.

    Returns:
        ``[B, d]``.
    """
    projected = (features @ feature_matrix) * (probability @ probability_matrix)
    return projected / feature_matrix.shape[1] ** 0.5


def prediction_entropy(logits: Tensor) -> Tensor:
    """Return the entropy in nats of each row's softmax: ``[B, K]`` → ``[B]``."""
    log_probability = logits.log_softmax(1)
    return -(log_probability.exp() * log_probability).sum(1)


def entropy_weight(entropy: Tensor) -> Tensor:
    """Compute ``1 + e^(−H)``: 2 for a sure prediction, towards 1 for an unsure one."""
    return 1 + torch.exp(-entropy)
