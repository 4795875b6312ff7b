"""Pseudo-labels of whole target images that a clustering between two steps has found (:class:`mmuda.ACDAHook`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from mmuda.registry import MODELS

from ..views import View
from .base import Ask, Labeller


@MODELS.register_module()
class ClusterLabels(Labeller):
    """Labels ``[B]`` that the samples carry as ``pseudo_label``; −1 where an image has none.

    A batch without any, as before the first clustering, stays without label.

    Example:
        >>> from mmengine.structures import BaseDataElement
        >>> samples = (BaseDataElement(metainfo=dict(pseudo_label=2)), BaseDataElement())
        >>> views, _ = ClusterLabels()(dict(target=View(torch.rand(2, 3, 8, 8), samples=samples)), ask=None)
        >>> views['target'].label
        tensor([ 2, -1])
    """

    def forward(self, views: Mapping[str, View], ask: Ask) -> tuple[dict[str, View], dict[str, Tensor]]:
        """Return the target with its clusters; the labels are made on the CPU and moved without a wait."""
        target = views['target']
        found = [sample.metainfo.get('pseudo_label') for sample in target.samples]
        if all(label is None for label in found):
            return {}, {}
        label = torch.tensor([-1 if label is None else label for label in found])
        return dict(target=replace(target, label=label.to(target.inputs.device, non_blocking=True))), {}
