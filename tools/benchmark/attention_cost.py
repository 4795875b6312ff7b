"""What hybrid attention should cost: products counted on paper, from the share of tokens in each group.

The *core* of an attention is Q·Kᵀ and the weights' product with V; projections, spatial reduction and Mix-FFN
are the same for self-attention and hybrid attention.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from mmuda.domain import DomainBatch
from mmuda.models.layers import HybridAttention

Grid = tuple[int, int]


class Stage(NamedTuple):
    """A stage of a MiT with hybrid attention; all of its layers are alike."""

    number: int
    depth: int
    layer: HybridAttention
    grid: Grid

    @property
    def queries(self) -> int:
        """N, tokens of an image."""
        return self.grid[0] * self.grid[1]

    @property
    def keys(self) -> int:
        """M, reduced tokens of an image."""
        return (self.grid[0] // self.layer.sr_ratio) * (self.grid[1] // self.layer.sr_ratio)

    @property
    def channels(self) -> int:
        """C, of all heads."""
        return self.layer.attn.out_proj.out_features

    @property
    def core_macs(self) -> int:
        """Multiply-adds of self-attention's core, an image and all layers."""
        return self.depth * 2 * self.queries * self.keys * self.channels


class Share(NamedTuple):
    """One step of a stage, means over the images: share of queries and of keys in the first group, cost of the core."""

    queries: float
    keys: float
    cost: float


def stages(backbone: nn.Module, size: Grid) -> list[Stage]:
    """Return the hybrid stages of an `MHAMixVisionTransformer` on images of `size`."""
    found = []
    for number, (grid, (_, blocks, _)) in enumerate(zip(backbone.stage_grids(*size), backbone.layers)):
        if number in backbone.mha_stages:
            found.append(Stage(number, len(blocks), blocks[0].attn, grid))
    return found


def share(stage: Stage, layout: DomainBatch) -> Share:
    """Return the share of the groups that a step drew."""
    groups = stage.layer.token_groups(layout.groups[stage.number])
    queries, keys = (maps.float().mean(1) for maps in groups)
    cost = core_cost(layout, queries, keys, stage.layer.direction)
    return Share(queries.mean().item(), keys.mean().item(), cost.mean().item())


def core_cost(layout: DomainBatch, queries: Tensor, keys: Tensor, direction: str = 'both') -> Tensor:
    """Return products of packed grouped attention per product of self-attention, for every image [B].

    2·(f_q·f_k + (1 − f_q)·(1 − f_k)) when both domains have the same groups and both are hybrid. Queries
    whose group has no key see all keys.

    Args:
        layout: Who is paired with whom.
        queries, keys: Share of an image's queries and keys in the first group [B].
        direction: Whose queries see both domains.
    """
    hybrid = sees_both(layout, direction).to(keys.device)
    partners = [layout.num_source + target for target in layout.target_of_source()] + list(layout.source_of_target())
    other = keys[partners]
    first, second = keys + hybrid * other, (1 - keys) + hybrid * (1 - other)
    every = 1.0 + hybrid
    first, second = first.where(first > 0, every), second.where(second > 0, every)
    return queries * first + (1 - queries) * second


def even_cost(layout: DomainBatch, direction: str) -> float:
    """Return the same, a mean over the images, when every group holds half of the tokens."""
    halves = torch.full((len(layout),), 0.5)
    return core_cost(layout, halves, halves, direction).mean().item()


def sees_both(layout: DomainBatch, direction: str) -> Tensor:
    """Tell whether an image's queries see both domains: bool [B]."""
    source, target = direction in ('both', 's2t'), direction in ('both', 't2s')
    return torch.tensor([source] * layout.num_source + [target] * layout.num_target)


@torch.no_grad()
def forward_macs(network: nn.Module, size: Grid) -> int:
    """Return multiply-adds of one image's pass through a network, without the cores of fused attention."""
    weight = next(network.parameters())
    training = network.training
    network.eval()
    with FlopCounterMode(display=False) as counter:
        network(weight.new_zeros(1, 3, *size), mode='tensor')
    network.train(training)
    counts = counter.get_flop_counts()['Global']
    return sum(flops for op, flops in counts.items() if 'scaled_dot_product' not in str(op)) // 2
