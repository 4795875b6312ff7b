"""FixMatch's pseudo-labels (Sohn et al., NeurIPS 2020; DIDA-Net, T-IP 2022, Eq. 8): the student's own, of weak views.

    ŷ = argmax p(weak view)    q = max p(weak view)    w = 1[q >= tau]        L_t = mean_i w_i · CE(strong view_i, ŷ_i)

The mean is over all rows, sure or not. On DomainNet DIDA-Net has q itself in place of the indicator, which its released
code lacks: ``weighting='confidence'``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mmuda.registry import MODELS

from ..views import View
from .base import Ask, Labeller

WEIGHTINGS = ('threshold', 'confidence')
NORMS = ('train', 'batch', 'running')


@MODELS.register_module()
class OwnLabels(Labeller):
    """The student labels the weak views of its own training batch, without gradient, in a mode of its own.

    Batch norm: the pass is over the weak views of both domains, the batch whose statistics the released code has. With
    ``norm='running'`` and without noise images do not depend on each other, and it is over those that get labels alone.

    Args:
        threshold: tau, 0.95 in both papers; a probability equal to it is sure.
        weighting: ``threshold``: 1 for a sure label and 0 for any other. ``confidence``: its probability.
        include_source: Whether source images are labelled too (released code). They stand in one more view,
            ``unlabelled``, as the source's own labels stay.
        norm, noise: How batch norm and random layers (dropout, MixStyle) work in this pass, see
            :func:`mmuda.models.layers.inference_pass`; the released code has ``'train'`` and True.

    Example:
        >>> weak = View(torch.rand(2, 3, 8, 8))
        >>> scores = torch.tensor([[9.0, 0.0], [0.1, 0.0]])  # the student is sure of the first image
        >>> views, _ = OwnLabels(threshold=0.95, norm='running')(dict(target=weak), ask=lambda *args, **mode: scores)
        >>> views['target'].label, views['target'].weight
        (tensor([0, 0]), tensor([1., 0.]))
    """

    network = 'student'
    reads = ('source', 'target')

    def __init__(
        self,
        threshold: float = 0.95,
        weighting: str = 'threshold',
        include_source: bool = False,
        norm: str = 'train',
        noise: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= threshold <= 1:
            raise ValueError(f'OwnLabels has threshold={threshold}: a probability lies in [0, 1].')
        if weighting not in WEIGHTINGS:
            raise ValueError(f'OwnLabels has weighting={weighting!r}: use one of {", ".join(WEIGHTINGS)}.')
        if norm not in NORMS:
            raise ValueError(f'OwnLabels has norm={norm!r}: use one of {", ".join(NORMS)}.')
        self.threshold = threshold
        self.weighting = weighting
        self.include_source = include_source
        self.mode = dict(norm=norm, noise=noise)
        self.makes = ('unlabelled', 'target') if include_source else ('target',)

    def forward(self, views: Mapping[str, View], ask: Ask) -> tuple[dict[str, View], dict[str, Tensor]]:
        """Return the target, and ``unlabelled`` where asked for; ``mask_ratio`` is the share of sure labels."""
        names = ('source', 'target') if self.include_source else ('target',)
        alone = self.mode == dict(norm='running', noise=False)
        asked = names if alone else self.reads
        count = sum(len(views[name]) for name in names)
        label, weight, sure = self.label(ask('student', [views[name] for name in asked], **self.mode)[-count:])
        rows = zip(*(x.split([len(views[name]) for name in names]) for x in (label, weight)), strict=True)
        found = {
            made: replace(views[name], label=mine, weight=its)
            for made, name, (mine, its) in zip(self.makes, names, rows, strict=True)
        }
        return found, dict(mask_ratio=sure.float().mean())

    @torch.no_grad()
    def label(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map ``[B, K]`` class scores → labels, weights and whether each is sure, ``[B]``.

        Half-precision scores get single-precision probabilities.
        """
        exact = torch.promote_types(logits.dtype, torch.float32)
        confidence, label = logits.softmax(1, dtype=exact).max(1)
        sure = confidence >= self.threshold
        return label, confidence if self.weighting == 'confidence' else sure.to(exact), sure
