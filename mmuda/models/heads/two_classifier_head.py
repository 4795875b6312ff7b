"""Two classifiers on the same features, F1 and F2 (MCD, Saito et al., CVPR 2018, Sec. 3).

They are two of any stock head, with their own first weights: what they disagree on lies off the source's support. The
head's scores are the mean of both; the released code predicts by their sum, which has the same argmax. The loss is the
sum of both classifiers' own.
"""

from __future__ import annotations

import torch
from mmengine.model import BaseModule, ModuleList
from torch import Tensor

from mmuda.registry import MODELS


@MODELS.register_module()
class TwoClassifierHead(BaseModule):
    """A classification head of mmpretrain's interface made of two stock heads.

    Args:
        classifier: Config of one classifier, such as ``dict(type='LinearClsHead', num_classes=10, in_channels=256)``;
            its loss counts for each.
        init_cfg: The first weights (None: the classifiers' own rule).
    """

    def __init__(self, classifier: dict, init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        self.classifiers = ModuleList(MODELS.build(dict(classifier)) for _ in range(2))
        self.num_classes: int = self.classifiers[0].num_classes
        self.in_channels: int = self.classifiers[0].in_channels

    def scores(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Map levels of features, the last ``[B, in_channels]``, → scores of both, ``[B, 2, num_classes]``."""
        return torch.stack([classifier(feats) for classifier in self.classifiers], dim=1)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Return the mean of both ``[B, num_classes]``."""
        return self.scores(feats).mean(1)

    def loss(self, feats: tuple[Tensor, ...], data_samples: list, **kwargs) -> dict[str, Tensor]:
        """Return the sum of both classifiers' losses; what else they log stands under ``<name>.0`` and ``<name>.1``."""
        return self._get_loss(self.scores(feats), data_samples, **kwargs)

    def _get_loss(self, scores: Tensor, data_samples: list, **kwargs) -> dict[str, Tensor]:
        parts = [
            classifier._get_loss(scores[:, number], data_samples, **kwargs)
            for number, classifier in enumerate(self.classifiers)
        ]
        loss = sum(part.pop('loss') for part in parts)
        logged = {f'{name}.{number}': value for number, part in enumerate(parts) for name, value in part.items()}
        return dict(loss=loss, **logged)

    def predict(self, feats: tuple[Tensor, ...], data_samples: list | None = None) -> list:
        """Return samples with ``pred_score`` and ``pred_label`` of the mean scores."""
        return self.classifiers[0]._get_predictions(self(feats), data_samples)
