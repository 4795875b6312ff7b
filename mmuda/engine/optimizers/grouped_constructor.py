"""Optimizer groups for a UDA model: trainable parameters only, as few groups as settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from logging import LogRecord

from mmengine.logging import MMLogger
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from mmuda.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class UDAOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """mmengine's ``paramwise_cfg`` rules, then one group per distinct setting.

    mmengine makes a group of each parameter, frozen ones included: 400 to 600 launches a step for a
    MiT with its teacher where four do, since a fused or foreach optimizer works group by group.
    """

    def add_params(self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs) -> None:
        """Collect one-parameter groups as mmengine does, but pass over a frozen teacher; at the root, merge."""
        if not any(parameter.requires_grad for parameter in module.parameters()):
            return
        super().add_params(params, module, prefix=prefix, **kwargs)
        if prefix == '':
            params[:] = _merge(params)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Build the optimizer wrapper; without ``paramwise_cfg`` there is one group."""
        self.paramwise_cfg = self.paramwise_cfg or dict(custom_keys={})
        with _without_a_line_per_parameter():
            return super().__call__(model)


@contextmanager
def _without_a_line_per_parameter() -> Iterator[None]:
    """mmengine logs each setting of each parameter: thousands of lines for a transformer."""

    def keep(record: LogRecord) -> bool:
        return not record.getMessage().startswith('paramwise_options -- ')

    logger = MMLogger.get_current_instance()
    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


def _merge(groups: list[dict]) -> list[dict]:
    """Join groups of equal settings."""
    merged: dict[tuple, dict] = {}
    for group in groups:
        settings = {key: value for key, value in group.items() if key != 'params'}
        entry = merged.setdefault(tuple(sorted(settings.items())), dict(settings, params=[]))
        entry['params'] += group['params']
    return list(merged.values())
