"""Hybrid attention in a report: the groups of some training images, and how much attention crosses domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from mmengine.registry import DefaultScope

from mmuda import compat
from mmuda.datasets import DataError
from mmuda.visualization import AttentionReport
from mmuda.visualization.attention import split_overlay

from ..errors import UserError
from ..hybrid_groups import build_hybrid_network, load_batch, observe
from ..pages import data_address
from ..preflight import check_data_roots
from ..work_dir import find_checkpoints
from .groups import Group

BATCH = (2, 2)
BACKBONES = ('MHAMixVisionTransformer',)


@dataclass
class Attention:
    """Groups and attention of one group of runs.

    Attributes:
        name: Of the group of runs.
        rows: A row an image: its pictures, each with a title and an address; empty without groups of tokens.
        stages: For each stage what a line of a table says: its name, the share of tokens in the first group ('–'
            without groups), and the shares of attention that the source's and the target's queries give to the other
            domain.
        missing: Why nothing could be looked at, '' if it was.
    """

    name: str
    rows: list[dict] = field(default_factory=list)
    stages: list[tuple[str, str, str, str]] = field(default_factory=list)
    missing: str = ''


def look_at_attention(groups: Sequence[Group]) -> list[Attention]:
    """Look at training images with the last checkpoint of the first run of each group that has hybrid attention."""
    return [_look_at(group) for group in groups if _is_hybrid(group)]


def _is_hybrid(group: Group) -> bool:
    """Tell whether tokens of both domains meet in the encoder of a group's runs."""
    model = group.first.cfg.model
    backbone = model.get('student', model).get('backbone') or {}
    return str(backbone.get('type')).rpartition('.')[2] in BACKBONES and backbone.get('direction') != 'none'


def _look_at(group: Group) -> Attention:
    compat.apply()
    cfg, work_dir = group.first.cfg, group.first.work_dir
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmuda')):
        try:
            check_data_roots(cfg, 'train')
            batch = load_batch(cfg, BATCH, seed=0)
        except (DataError, UserError) as error:
            return Attention(group.name, missing=str(error))
        network = build_hybrid_network(cfg, str(work_dir), str(find_checkpoints(work_dir)[-1]))
        found = observe(network, batch, group.name)
    return Attention(group.name, _rows(found), _stages(found))


def _rows(found: AttentionReport) -> list[dict]:
    if not found.maps:
        return []
    rows = []
    for number, (name, image) in enumerate(zip(found.names, found.images)):
        painted = {name: image}
        painted |= {title.replace('\n', ', '): split_overlay(image, maps[number]) for title, maps in found.maps.items()}
        cells = [dict(title=title, source=data_address(picture, 240)) for title, picture in painted.items()]
        rows.append(dict(name=name, cells=cells))
    return rows


def _stages(found: AttentionReport) -> list[tuple[str, str, str, str]]:
    lines = []
    for stage in dict.fromkeys(stage for stage, _ in found.source_mass):
        name = f'stage {stage}'
        tokens = found.shares.get(f'{name} queries')
        crossing = (
            np.mean([value for layer, value in masses.items() if layer[0] == stage])
            for masses in (found.source_mass, found.target_mass)
        )
        lines.append((name, '–' if tokens is None else f'{tokens.mean():.2f}', *(f'{mean:.2f}' for mean in crossing)))
    return lines
