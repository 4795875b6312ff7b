"""Domain layouts for a stock model: what :class:`mmuda.UDAModel` does by itself."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmuda.domain import DomainContext, bind_domain_context, sort_by_domain
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

    def before_train(self, runner) -> None:
        """Bind the layers; a :class:`mmuda.UDAModel` already has its context and sets it itself."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.context = (
            None if hasattr(model, 'domain_context') and hasattr(model, 'student') else bind_domain_context(model)
        )

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Sort in place and set the layout."""
        if self.context is None:
            return
        data, layout = sort_by_domain(data_batch)
        data_batch.update(data)
        self.context.set(layout)
