"""Tokens packed by (pair, group, domain), so that hybrid attention in groups is a few small plain attentions.

For every pair of a source and a target image the packed order is

    group 1: source, target | group 0: source, target

so the hybrid keys [K̃_s; K̃_t] of STCT's Eqs. 4 and 5 are one run of rows, and so are the queries that
share them. Per pair and stage that is f_q f_k + (1 − f_q)(1 − f_k) of the 2N · 2M products without
groups (f: share of tokens in group 1), which is what self-attention costs at f = ½.

Shapes: B images ``[source | target]``, N query tokens and M key tokens of an image, d channels of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from mmuda.domain import DomainBatch

Run = tuple[int, int]  # packed rows [start, end)


class Call(NamedTuple):
    """One plain attention: a run of queries; runs of keys, each with whether it is of the queries' own domain."""

    queries: Run
    keys: tuple[tuple[Run, bool], ...]


class GroupPlan(NamedTuple):
    """Order in which the tokens of a stage are packed; made once per step for all its layers.

    ``take`` are the original rows in packed order and ``put`` the packed rows in original order, of the
    B·N queries and of the keys. ``key_images`` [slots] repeats images that are in several pairs (None:
    each is in one). ``calls`` name runs of query rows, one behind the other, and runs of the pieces into
    which ``key_pieces`` cuts the keys.
    """

    take_queries: Tensor
    put_queries: Tensor
    take_keys: Tensor
    put_keys: Tensor
    key_images: Tensor | None
    key_pieces: tuple[int, ...]
    calls: tuple[Call, ...]
    hybrid: tuple[bool, bool]
    with_bias: bool


def plan_groups(
    layout: DomainBatch,
    stages: Sequence[tuple[Tensor, Tensor]],
    hybrid: tuple[bool, bool],
    with_bias: bool = False,
) -> list[GroupPlan]:
    """Plan several stages; the group sizes of all of them come to the host in one transfer.

    Args:
        layout: Sizes of the domains, neither 0, and who is paired with whom.
        stages: The groups of each stage: bool ``[B, N]`` of the queries and ``[B, M]`` of the keys.
        hybrid: Whether the source's queries see both domains, and whether the target's do.
        with_bias: Whether own keys and the other domain's will be told apart.
    """
    asking, slots = _slots(layout)
    device = stages[0][0].device
    sizes = torch.stack([maps.sum(1) for stage in stages for maps in stage]).tolist()
    runs = [
        _runs(places, counts, maps.shape[1])
        for places, counts, maps in zip((asking, slots) * len(stages), sizes, chain(*stages))
    ]
    images = [slot.image for slot in slots]
    starts = [_starts(places, found) for places, found in zip((asking, slots) * len(stages), runs)]
    images, *starts = _to_device([images, *starts], device)
    repeated = images if len(slots) > len(layout) else None
    return [
        GroupPlan(
            *_pack(q_groups, starts[2 * i]),
            *_pack(kv_groups if repeated is None else kv_groups[repeated], starts[2 * i + 1]),
            repeated,
            *_cut(_calls(runs[2 * i], runs[2 * i + 1], hybrid, with_bias), len(slots) * kv_groups.shape[1]),
            hybrid,
            with_bias,
        )
        for i, (q_groups, kv_groups) in enumerate(stages)
    ]


def packed_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    plan: GroupPlan,
    bias: tuple[float, float] | None = None,
    dropout_p: float = 0.0,
) -> Tensor:
    """Compute attention inside the groups of a plan.

    Args:
        q: ``[B, heads, N, d]``.
        k, v: ``[B, heads, M, d]``.
        plan: Of the same batch.
        bias: Logit bias of keys of the queries' own domain, and of the other's.
        dropout_p: Dropout of the attention weights.

    Returns:
        ``[B, heads, N, d]``.
    """
    batch, _, tokens, _ = q.shape
    if plan.key_images is not None:
        k, v = k.index_select(0, plan.key_images), v.index_select(0, plan.key_images)
    # One split each, not a slice a call: the gradient of a slice is as large as all the rows.
    queries = _Permute.apply(_rows(q), plan.take_queries, plan.put_queries)
    queries = queries.split([end - start for (start, end), _ in plan.calls])
    keys, values = (_Permute.apply(_rows(x), plan.take_keys, plan.put_keys).split(plan.key_pieces) for x in (k, v))
    calls = zip(queries, plan.calls, strict=True)
    out = torch.cat([_attend(rows, keys, values, call, bias, dropout_p) for rows, call in calls])
    out = _Permute.apply(out, plan.put_queries, plan.take_queries)
    return out.unflatten(0, (batch, tokens)).transpose(1, 2)


def _attend(
    queries: Tensor,
    keys: Sequence[Tensor],
    values: Sequence[Tensor],
    call: Call,
    bias: tuple[float, float] | None,
    dropout_p: float,
) -> Tensor:
    """Return rows [n, heads, d] of one call; keys and values in pieces."""
    q, k, v = (_heads_first(rows) for rows in (queries, _join_pieces(keys, call), _join_pieces(values, call)))
    mask = None
    if bias is not None:
        sizes = [(sum(len(piece) for piece in keys[start:end]), own) for (start, end), own in call.keys]
        mask = torch.cat([q.new_full((size,), bias[not own]) for size, own in sizes]).expand(1, 1, q.shape[2], -1)
    out = F.scaled_dot_product_attention(q, k, v, mask, dropout_p)
    return out[0].transpose(0, 1)


def _join_pieces(pieces: Sequence[Tensor], call: Call) -> Tensor:
    chosen = [piece for (start, end), _ in call.keys for piece in pieces[start:end]]
    return chosen[0] if len(chosen) == 1 else torch.cat(chosen)


def _heads_first(rows: Tensor) -> Tensor:
    """Map [n, heads, d] → [1, heads, n, d]."""
    return rows.transpose(0, 1).unsqueeze(0)


def _rows(x: Tensor) -> Tensor:
    """Map [B, heads, n, d] → [B·n, heads, d]."""
    return x.transpose(1, 2).flatten(0, 1)


class _Permute(torch.autograd.Function):
    """``x[take]`` along rows, where ``put`` undoes ``take``: the gradient is a gather, too, instead of a sum."""

    @staticmethod
    def forward(ctx, x: Tensor, take: Tensor, put: Tensor) -> Tensor:
        """Take the rows of ``x`` in the order ``take``."""
        ctx.save_for_backward(take, put)
        return x.index_select(0, take)

    @staticmethod
    def backward(ctx, grad: Tensor):
        """Take the gradient's rows in the order ``put``."""
        take, put = ctx.saved_tensors
        return _Permute.apply(grad, put, take), None, None


# ---- making a plan, on the host ---------------------------------------------------------------


class _Slot(NamedTuple):
    """An image's place in a pair; the domain is 0 for the source, 1 for the target."""

    image: int
    pair: int
    domain: int


_Runs = dict[tuple[int, int, int], Run]  # (pair, side, domain) → packed rows; side 0 is group 1, side 1 is group 0


def _slots(layout: DomainBatch) -> tuple[list[_Slot], list[_Slot]]:
    """Tell where each image asks, once each, and where its keys are needed; both in the batch's order."""
    targets, sources = layout.target_of_source(), layout.source_of_target()
    pairs = list(dict.fromkeys([*enumerate(targets), *((s, t) for t, s in enumerate(sources))]))
    slots = [
        slot for pair, (s, t) in enumerate(pairs) for slot in (_Slot(s, pair, 0), _Slot(layout.num_source + t, pair, 1))
    ]
    asks = [
        slot
        for slot, (s, t) in zip(slots, (pair for pair in pairs for _ in range(2)), strict=True)
        if (targets[s] == t if slot.domain == 0 else sources[t] == s)
    ]
    return sorted(asks), sorted(slots)


def _runs(slots: list[_Slot], sizes: list[int], tokens: int) -> _Runs:
    """Tell where each group of each slot lies in the packed order."""
    order = sorted((slot.pair, side, slot.domain, slot.image) for slot in slots for side in (0, 1))
    runs, start = {}, 0
    for pair, side, domain, image in order:
        end = start + (tokens - sizes[image] if side else sizes[image])
        runs[pair, side, domain] = (start, end)
        start = end
    return runs


def _starts(slots: list[_Slot], runs: _Runs) -> list[int]:
    """Tell where group 1 of each slot begins, then where group 0 does."""
    return [runs[slot.pair, side, slot.domain][0] for side in (0, 1) for slot in slots]


def _to_device(lists: list[list[int]], device: torch.device) -> list[Tensor]:
    """Return all starts in one copy, for which the host does not wait."""
    numbers = torch.tensor([number for numbers in lists for number in numbers])
    if device.type == 'cuda':
        numbers = numbers.pin_memory()
    return list(numbers.to(device, non_blocking=True).split([len(numbers) for numbers in lists]))


def _pack(groups: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """Map bool [slots, n] → ``take`` and ``put`` [slots · n]."""
    first, second = starts.view(2, -1, 1)  # [slots, 1] each
    put = torch.where(groups, first + groups.cumsum(1), second + (~groups).cumsum(1)).flatten() - 1
    take = torch.empty_like(put).scatter_(0, put, torch.arange(len(put), device=put.device))
    return take, put


def _calls(queries: _Runs, keys: _Runs, hybrid: tuple[bool, bool], with_bias: bool) -> tuple[Call, ...]:
    """List the calls in packed order; neighbours that see the same keys are one call."""
    calls: list[Call] = []
    for (pair, side, domain), (start, end) in queries.items():
        if start == end:
            continue
        sees = (0, 1) if hybrid[domain] else (domain,)
        found = [_visible(keys, pair, sides, sees) for sides in ((side,), (0, 1))]
        visible = found[0] or found[1]  # no key in its group: all keys
        call = Call((start, end), _join([(run, not with_bias or other == domain) for run, other in visible]))
        if calls and calls[-1].keys == call.keys and calls[-1].queries[1] == start:
            call = Call((calls.pop().queries[0], end), call.keys)
        calls.append(call)
    return tuple(calls)


def _visible(keys: _Runs, pair: int, sides: tuple[int, ...], domains: tuple[int, ...]) -> list[tuple[Run, int]]:
    """Return runs that are not empty, each with its domain."""
    found = [(keys[pair, side, domain], domain) for side in sides for domain in domains]
    return [(run, domain) for run, domain in found if run[0] < run[1]]


def _join(runs: list[tuple[Run, bool]]) -> tuple[tuple[Run, bool], ...]:
    """Return neighbouring runs of one kind as one."""
    joined: list[tuple[Run, bool]] = []
    for (start, end), own in runs:
        if joined and joined[-1][0][1] == start and joined[-1][1] == own:
            start = joined.pop()[0][0]
        joined.append(((start, end), own))
    return tuple(joined)


def _cut(calls: tuple[Call, ...], rows: int) -> tuple[tuple[int, ...], tuple[Call, ...]]:
    """Return pieces of the keys that every run is made of, and the calls in terms of them."""
    edges = sorted({0, rows, *(edge for call in calls for run, _ in call.keys for edge in run)})
    place = {edge: number for number, edge in enumerate(edges)}
    renamed = [
        Call(call.queries, tuple(((place[start], place[end]), own) for (start, end), own in call.keys))
        for call in calls
    ]
    return tuple(end - start for start, end in pairwise(edges)), tuple(renamed)
