"""Pseudo-labels that an earlier model predicted and that lie in files: rounds of self-training (CBST, FDA, ProDA)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mmuda.registry import MODELS

from ..views import View
from .base import Ask, Labeller


@MODELS.register_module()
class StoredLabels(Labeller):
    """The label maps that the samples carry, as they are stored; a pixel of 255 has no label.

    The data set reads them, so that crops and flips are theirs, too::

        train_dataloader = dict(dataset=dict(pseudo_labels='round_1/labels'))
        model = dict(type='UDAModel', labeller=dict(type='StoredLabels'),
                     terms=dict(target=dict(type='PseudoLabelLoss')), ...)

    Example:
        >>> from mmengine.structures import BaseDataElement, PixelData
        >>> sample = BaseDataElement(metainfo=dict(stored_label=True))
        >>> sample.gt_sem_seg = PixelData(data=torch.full((1, 8, 8), 3))
        >>> views, _ = StoredLabels()(dict(target=View(torch.rand(1, 3, 8, 8), samples=(sample,))), ask=None)
        >>> views['target'].label.unique()
        tensor([3])
    """

    def forward(self, views: Mapping[str, View], ask: Ask) -> tuple[dict[str, View], dict[str, Tensor]]:
        """Return the target with its labels.

        Raises:
            ValueError: An image without a stored label.
        """
        target = views['target']
        for sample in target.samples:
            if not sample.metainfo.get('stored_label'):
                raise ValueError(
                    f'StoredLabels finds no stored label of {sample.metainfo.get("img_path", "a target image")}: set '
                    'train_dataloader.dataset.pseudo_labels to the folder of label maps.'
                )
        label = torch.cat([sample.gt_sem_seg.data for sample in target.samples])
        return dict(target=replace(target, label=label)), {}
