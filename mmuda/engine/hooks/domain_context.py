"""Domain layouts for a stock model: what :class:`mmuda.UDAModel` does by itself."""

from __future__ import annotations

import logging
from inspect import signature

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from torch import Tensor, nn

from mmuda.domain import DomainBatch, DomainContext, bind_domain_context, group_drawers, sort_by_domain
from mmuda.registry import HOOKS

from ..wrapping import unwrapped

MEANS_WITH_IGNORED = ('BoundaryLoss', 'DiceLoss', 'FocalLoss', 'HuasdorffDisstanceLoss', 'TverskyLoss')
"""Losses of mmseg without ``avg_non_ignore`` whose mean counts images that are ignored altogether."""


@HOOKS.register_module()
class DomainContextHook(Hook):
    """Sorts each training batch to ``[source | target]`` and tells the model's domain layers.

    For plain mmseg and mmpretrain models trained on a :class:`mmuda.DomainDataset`; the third of
    the three lines that plug a domain-aware layer into a stock config. Losses that average over ignored pixels, which
    all target pixels are, average over the others from then on: a batch of both domains would halve them.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.context: DomainContext | None = None
        self._drawers: tuple = ()
        self._handle = None

    def before_train(self, runner) -> None:
        """Bind the layers; a :class:`mmuda.UDAModel` already has its context and sets it itself."""
        model = unwrapped(runner.model)
        if hasattr(model, 'domain_context') and hasattr(model, 'student'):
            return
        _average_over_source(model)
        self.context = bind_domain_context(model)
        self._drawers = group_drawers(model)
        self.after_train(runner)  # of a run that was interrupted
        if self._drawers:
            self._signature = signature(model.forward)
            self._handle = model.register_forward_pre_hook(self._draw, with_kwargs=True)

    def after_train(self, runner) -> None:
        """Leave the model as it was."""
        if self._handle is not None:
            self._handle.remove()
            self._handle = None

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Sort in place and set the layout."""
        if self.context is None:
            return
        data, layout = sort_by_domain(data_batch)
        data_batch.update(data)
        self.context.set(layout)

    def _draw(self, model: nn.Module, args: tuple, kwargs: dict) -> None:
        """Draw groups for the batch as the model gets it, padded and on its device."""
        given = self._signature.bind(*args, **kwargs).arguments
        if given.get('mode') != 'loss':
            return
        layout = self.context.batch
        label = _source_labels(given['data_samples'], layout)
        for drawer in self._drawers:
            layout = drawer.draw_groups(layout, given['inputs'], label)
        self.context.set(layout)


def _average_over_source(model: nn.Module) -> None:
    """Set ``avg_non_ignore`` of mmseg's losses that have it, and warn of those that have not."""
    found = [module for module in model.modules() if getattr(module, 'avg_non_ignore', None) is False]
    for module in found:
        module.avg_non_ignore = True
    if found:
        names = ', '.join(sorted({type(module).__name__ for module in found}))
        print_log(
            f'{names}: avg_non_ignore=True from now on: target pixels are ignored and would lower the average.',
            'current',
        )
    others = sorted({type(m).__name__ for m in model.modules() if type(m).__name__ in MEANS_WITH_IGNORED})
    if others:
        print_log(
            f'{", ".join(others)} of mmseg averages over all images, those of the target too, where it has no meaning: '
            'the source counts less than alone. Use CrossEntropyLoss, or train with mmuda.UDAModel.',
            'current',
            logging.WARNING,
        )


def _source_labels(samples: list, layout: DomainBatch) -> Tensor | None:
    """Return ``[num_source, H, W]``; None unless every source sample has a label map."""
    source = samples[: layout.num_source]
    if not source or not all('gt_sem_seg' in sample for sample in source):
        return None
    return torch.cat([sample.gt_sem_seg.data for sample in source])
