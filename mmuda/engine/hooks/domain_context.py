"""Domain layouts for a stock model: what :class:`mmuda.UDAModel` does by itself."""

from __future__ import annotations

from inspect import signature

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from mmuda.domain import DomainBatch, DomainContext, bind_domain_context, group_drawers, sort_by_domain
from mmuda.registry import HOOKS


@HOOKS.register_module()
class DomainContextHook(Hook):
    """Sorts each training batch to ``[source | target]`` and tells the model's domain layers.

    For plain mmseg and mmpretrain models trained on a :class:`mmuda.DomainDataset`; the third of
    the three lines that plug a domain-aware layer into a stock config.
    """

    priority = 'VERY_HIGH'

    def __init__(self) -> None:
        self.context: DomainContext | None = None
        self._drawers: tuple = ()
        self._handle = None

    def before_train(self, runner) -> None:
        """Bind the layers; a :class:`mmuda.UDAModel` already has its context and sets it itself."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if hasattr(model, 'domain_context') and hasattr(model, 'student'):
            return
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
        """Groups for the batch as the model gets it, padded and on its device."""
        given = self._signature.bind(*args, **kwargs).arguments
        if given.get('mode') != 'loss':
            return
        layout = self.context.batch
        label = _source_labels(given['data_samples'], layout)
        for drawer in self._drawers:
            layout = drawer.draw_groups(layout, given['inputs'], label)
        self.context.set(layout)


def _source_labels(samples: list, layout: DomainBatch) -> Tensor | None:
    """``[num_source, H, W]``; None unless every source sample has a label map."""
    source = samples[: layout.num_source]
    if not source or not all('gt_sem_seg' in sample for sample in source):
        return None
    return torch.cat([sample.gt_sem_seg.data for sample in source])
