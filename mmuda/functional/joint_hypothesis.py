"""Error of the ideal joint hypothesis, lambda (Ben-David et al., Machine Learning 2010): min_h ε_S(h) + ε_T(h).

It is the third term of the bound ε_T(h) ≤ ε_S(h) + ½ d_HΔH(S, T) + lambda: where no single hypothesis is right in both
domains, no adaptation helps. Here the hypotheses are linear classifiers of given features, and their errors are those
on samples that they were not trained on. The ideal hypothesis is found with the target's labels, which unsupervised
adaptation does not have: for analysis only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .linear_probe import fit_linear
from .proxy_distance import check_folds


def joint_errors(
    source: Tensor,
    target: Tensor,
    source_labels: Tensor,
    target_labels: Tensor,
    folds: int = 2,
    weight_decay: float = 1e-3,
) -> tuple[float, float]:
    """Compute ε_S and ε_T of one classifier trained on both domains; lambda is their sum.

    The two domains weigh the same in training, however many samples they have.

    Args:
        source, target: Features ``[N_s, C]`` and ``[N_t, C]``.
        source_labels, target_labels: Their classes ``[N_s]`` and ``[N_t]``, counted from 0.
        folds: Parts of the data, each of which is tested once; each class is spread over all of them.
        weight_decay: Factor of half the squared norm of the classifier's weights.

    Raises:
        ValueError: Fewer samples of a domain than folds.
    """
    check_folds(folds, min(len(source), len(target)))
    classes = 1 + int(max(source_labels.max(), target_labels.max()))
    domains = [(x, y, _spread(y, folds)) for x, y in ((source, source_labels), (target, target_labels))]
    wrong = [0, 0]
    for fold in range(folds):
        training = [(x[part != fold], y[part != fold]) for x, y, part in domains]
        scores = _joint_classifier(training, classes, weight_decay)
        for domain, (x, y, part) in enumerate(domains):
            wrong[domain] += int((scores(x[part == fold]).argmax(1) != y[part == fold]).sum())
    return wrong[0] / len(source), wrong[1] / len(target)


def _joint_classifier(
    domains: list[tuple[Tensor, Tensor]], classes: int, weight_decay: float
) -> Callable[[Tensor], Tensor]:
    """Fit the linear classifier of least mean cross-entropy over the domains; a map from features to scores."""
    labels = [y for _, y in domains]

    def loss(scores: Tensor) -> Tensor:
        parts = scores.split([len(y) for y in labels])
        return sum(F.cross_entropy(part, y) for part, y in zip(parts, labels)) / len(labels)

    return fit_linear(torch.cat([x for x, _ in domains]), classes, loss, weight_decay)


def _spread(labels: Tensor, folds: int) -> Tensor:
    """Return the part ``[N]`` of each sample: in turn within a class, and on from one class to the next."""
    part = torch.empty_like(labels)
    part[labels.argsort(stable=True)] = torch.arange(len(labels), device=labels.device) % folds
    return part
