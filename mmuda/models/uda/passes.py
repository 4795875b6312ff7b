"""The loader's views of a step and the student's passes over views: layouts, and what heads and taps give of each."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from mmuda.domain import DOMAINS, DomainBatch, GroupDrawer

from ..tasks import Outputs, Task
from ..views import View, joined_rows
from .plan import StepPlan
from .taps import Taps


def loaded_views(
    task: Task,
    needed: Container[str],
    inputs: Tensor,
    data_samples: list,
    layout: DomainBatch,
    strong: Tensor | None = None,
) -> dict[str, View]:
    """Return the views of the loader that somebody needs.

    Args:
        task: It reads labels and padding off the samples.
        needed: Names of views.
        inputs: ``[B, 3, H, W]``.
        data_samples: Their B samples.
        layout: Their layout.
        strong: Strong views of the last rows: of the target, or of both domains.
    """
    views, first = {}, layout.num_source
    for name, rows in zip(DOMAINS, (slice(0, first), slice(first, len(layout)))):
        if name in needed:
            mine = tuple(data_samples[rows])
            views[name] = View(inputs[rows], valid=task.valid(mine, inputs[rows]), domain=name, samples=mine)
    if 'source' in views:
        views['source'] = replace(views['source'], label=task.labels(views['source'].samples))
    if strong is not None:
        parts = strong.split([len(strong) - layout.num_target, layout.num_target])
        views |= {name: replace(views[name], strong=x) for name, x in zip(DOMAINS, parts) if len(x)}
    return views


def join_inputs(views: Sequence[View]) -> Tensor:
    """Join the images of all rows ``[B, 3, H, W]``."""
    return joined_rows([view.inputs for view in views])


def layout_of(views: Iterable[View]) -> DomainBatch:
    """Return the layout of views that stand in one batch, source-like first."""
    views = list(views)
    return DomainBatch(*(sum(len(view) for view in views if view.domain == domain) for domain in DOMAINS))


def draw_layouts(plan: StepPlan, views: Mapping[str, View], drawers: Sequence[GroupDrawer]) -> list[DomainBatch]:
    """Draw the layout of each pass, with the groups of a student that wants some.

    A view that is still to be made has the rows and the domain of one of the loader's.
    """
    layouts = []
    for group in plan.passes:
        layout = layout_of(views[plan.origins[name]] for name in group)
        for drawer in drawers:
            layout = drawer.draw_groups(layout, views['source'].inputs, views['source'].label)
        layouts.append(layout)
    return layouts


def pass_views(task: Task, net: nn.Module, views: Mapping[str, View], taps: Iterable[str]) -> dict[str, View]:
    """Pass the rows of some views once: these with outputs, logits and tapped features."""
    parts = list(views.values())
    with Taps(net, taps) as features:
        outputs = task.run(net, join_inputs(parts), auxiliary=True)
    sizes = [len(part) for part in parts]
    rows = zip(views.items(), task.split(outputs, sizes), _split_features(features, sizes), strict=True)
    return {
        name: replace(view, outputs=Outputs(task, net, raw), logits=task.logits(net, raw), features=tapped)
        for (name, view), raw, tapped in rows
    }


def _split_features(features: Mapping[str, Any], sizes: list[int]) -> list[dict]:
    """Split what a batch has at the taps by its parts."""
    parts: list[dict] = [{} for _ in sizes]
    for name, value in features.items():
        pieces = value.split(sizes) if isinstance(value, Tensor) else zip(*(x.split(sizes) for x in value), strict=True)
        for part, piece in zip(parts, pieces, strict=True):
            part[name] = piece
    return parts
