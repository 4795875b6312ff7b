"""Hybrid attention: queries of one domain attend to the keys of both (STCT, OpenReview oBXFemWGPWN, Sec. 3.2–3.3).

    Attn(Q_i, K_s, K_t, V_s, V_t) = softmax(Q_i [K_s; K_t]ᵀ / √d) [V_s; V_t],   i ∈ {s, t}     (Eq. 3)

and, with tokens in two groups, the same inside either group (Eqs. 4 and 5); a domain that keeps to
itself has softmax(Q_i K_iᵀ / √d) V_i (Eq. 7). Two implementations of the groups agree up to rounding:

* *gathered*: tokens are packed by (pair, group, domain), so that each group of a pair is one small
  plain attention. Of the N·M products per image of self-attention it computes
  2 (f_q f_k + (1 − f_q)(1 − f_k)), the same at f = ½ (f: share of tokens in the first group). It
  needs the group sizes on the host, see `group_packing.py`;
* *masked*: one attention over both domains' keys with a mask, always 2 N·M.

Shapes: B images ``[source | target]``, N query tokens and M key tokens of an image, d channels of a head.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mmuda.domain import DomainBatch

from .group_packing import GroupPlan, packed_attention, plan_groups

DIRECTIONS = ('both', 's2t', 't2s', 'none')
IMPLEMENTATIONS = ('auto', 'gathered', 'masked')
_FEW_KEYS = 32  # up to which one masked call is as fast as several small ones: docs/performance.md


def hybrid_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    layout: DomainBatch,
    q_groups: Tensor | None = None,
    kv_groups: Tensor | None = None,
    direction: str = 'both',
    intra_ratio: float = 0.5,
    implementation: str = 'auto',
    dropout_p: float = 0.0,
    plan: GroupPlan | Tensor | None = None,
) -> Tensor:
    """STCT Eqs. 3–7.

    A batch of one domain, ``layout.hybrid=False`` and ``direction='none'`` are plain self-attention. A query whose
    group has no key attends as without groups.

    Args:
        q: ``[B, heads, N, d]``.
        k, v: ``[B, heads, M, d]``.
        layout: Sizes of the domains, and who is paired with whom.
        q_groups, kv_groups: bool ``[B, N]`` and ``[B, M]``; None: no groups (Eq. 3).
        direction: Whose queries see both domains: ``both``, ``s2t`` the source's, ``t2s`` the target's, ``none``.
        intra_ratio: r in (0, 1): log r is added to the logits of a hybrid query's own domain, log(1 − r) to those of
            the other; 0.5 is Eq. 3.
        implementation: Of the groups: ``gathered`` (not in a compiled graph), ``masked``, or whichever fits (``auto``).
        dropout_p: Dropout of the attention weights.
        plan: What :func:`plan_attention` made of the groups with the same options; the groups are not read then.

    Returns:
        ``[B, heads, N, d]``.

    Raises:
        ValueError: An unknown direction or implementation, a ratio out of range, or shapes that do not fit.
    """
    check_options(direction, intra_ratio, implementation)
    _check_shapes(q, k, v, layout, q_groups, kv_groups)
    if not mixes_domains(layout, direction):
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout_p)
    bias = _bias(intra_ratio)
    if q_groups is None and plan is None:
        return _ungrouped(q, k, v, layout, direction, bias, dropout_p)
    if plan is None:
        (plan,) = plan_attention(layout, [(q_groups, kv_groups)], direction, intra_ratio, implementation)
    if isinstance(plan, GroupPlan):
        _check_plan(plan, direction, intra_ratio)
        return packed_attention(q, k, v, plan, bias, dropout_p)
    return _masked(q, k, v, layout, plan, dropout_p)


def plan_attention(
    layout: DomainBatch,
    stages: Sequence[tuple[Tensor, Tensor]],
    direction: str = 'both',
    intra_ratio: float = 0.5,
    implementation: str = 'auto',
    num_shared: int = 0,
) -> list[GroupPlan | Tensor]:
    """Plan for all layers of each stage what its groups ask for: how to pack the tokens, or a mask.

    Args:
        layout: Sizes of the domains, neither 0, and who is paired with whom.
        stages: For each stage ``q_groups`` bool ``[B, N]`` and ``kv_groups`` bool ``[B, M]``.
        direction, intra_ratio, implementation: See :func:`hybrid_attention`.
        num_shared: Tokens, such as a class token, that stand before those with groups, among queries and among keys.
            They belong to both groups: they see every token, and every token sees them. N and M then count them.

    Returns:
        A :class:`GroupPlan` for a stage that is gathered; for one that is masked what is added to the logits,
        ``[B, N, 2M]`` in float32, own keys first: −∞ for a key that a query does not see.

    Raises:
        ValueError: Shared tokens with ``implementation='gathered'``, in which a token has one group.
    """
    if num_shared:
        if implementation == 'gathered':
            raise ValueError(
                "hybrid attention gathers tokens of one group: tokens of both need implementation='masked'."
            )
        return _group_masks(stages, layout, direction, intra_ratio, num_shared)
    packed = [resolve(implementation, keys.shape[1]) == 'gathered' for _, keys in stages]
    gathered, masked = ([stage for stage, is_packed in zip(stages, packed) if is_packed == kind] for kind in (1, 0))
    with_bias = intra_ratio != 0.5
    plans = iter(plan_groups(layout, gathered, _hybrid_domains(direction), with_bias) if gathered else ())
    masks = iter(_group_masks(masked, layout, direction, intra_ratio) if masked else ())
    return [next(plans if is_packed else masks) for is_packed in packed]


def mixes_domains(layout: DomainBatch, direction: str) -> bool:
    """Tell whether any query sees keys of the other domain."""
    return direction != 'none' and layout.hybrid and layout.num_source > 0 and layout.num_target > 0


def resolve(implementation: str, num_keys: int) -> str:
    """Turn ``auto`` into ``gathered``, but into ``masked`` for few keys and for a compiler, whose shapes must stay."""
    if implementation == 'gathered' and torch.compiler.is_compiling():
        raise ValueError(
            "hybrid attention has implementation='gathered' under torch.compile, whose shapes must not change from "
            "step to step: use 'masked' or 'auto'."
        )
    if implementation != 'auto':
        return implementation
    return 'masked' if num_keys <= _FEW_KEYS or torch.compiler.is_compiling() else 'gathered'


def check_options(direction: str, intra_ratio: float, implementation: str) -> None:
    """Raise a ValueError for what is no option of :func:`hybrid_attention`."""
    if direction not in DIRECTIONS:
        raise ValueError(f'hybrid attention has direction={direction!r}: use one of {", ".join(DIRECTIONS)}.')
    if not 0 < intra_ratio < 1:
        raise ValueError(
            f"hybrid attention has intra_ratio={intra_ratio}: it lies in (0, 1); without the other domain's keys, "
            "use direction='none'."
        )
    if implementation not in IMPLEMENTATIONS:
        raise ValueError(
            f'hybrid attention has implementation={implementation!r}: use one of {", ".join(IMPLEMENTATIONS)}.'
        )


def _check_shapes(q: Tensor, k: Tensor, v: Tensor, layout: DomainBatch, q_groups, kv_groups) -> None:
    if not len(q) == len(k) == len(v) == len(layout) or k.shape != v.shape:
        raise ValueError(
            f'hybrid attention got q {list(q.shape)}, k {list(k.shape)} and v {list(v.shape)} for '
            f'{layout.num_source} source + {layout.num_target} target images: the first sizes must be '
            f'{len(layout)}, and k and v alike.'
        )
    if (q_groups is None) != (kv_groups is None):
        raise ValueError('hybrid attention got the groups of queries or of keys alone: give both or neither.')
    for name, groups, x in (('q_groups', q_groups, q), ('kv_groups', kv_groups, k)):
        if groups is not None and (groups.dtype != torch.bool or groups.shape != (len(x), x.shape[2])):
            raise ValueError(
                f'hybrid attention got {name} {groups.dtype} {list(groups.shape)}: it must be bool '
                f'{[len(x), x.shape[2]]}.'
            )


def _check_plan(plan: GroupPlan, direction: str, intra_ratio: float) -> None:
    if plan.hybrid != _hybrid_domains(direction) or (intra_ratio != 0.5 and not plan.with_bias):
        raise ValueError(
            f'hybrid attention has direction={direction!r} and intra_ratio={intra_ratio}, but its plan was made for '
            'others: give plan_attention the same.'
        )


def _hybrid_domains(direction: str) -> tuple[bool, bool]:
    """Tell whether the source's queries see both domains, and whether the target's do."""
    return direction in ('both', 's2t'), direction in ('both', 't2s')


def _bias(intra_ratio: float) -> tuple[float, float] | None:
    """Return the logit bias of own keys and of the other domain's; None where it would be one constant."""
    return None if intra_ratio == 0.5 else (math.log(intra_ratio), math.log(1 - intra_ratio))


def _bias_row(bias: tuple[float, float], like: Tensor, num_keys: int) -> Tensor:
    """Return [2M], own keys first."""
    return torch.cat([like.new_full((num_keys,), value) for value in bias])


def _with_partner(x: Tensor, layout: DomainBatch, batch: int, dim: int) -> Tensor:
    """Join each image's own entries and then those of its partner along ``dim``; images are along ``batch``."""
    if layout.num_source == layout.num_target:  # the b-th images of both domains are a pair
        return torch.cat((x, x.roll(layout.num_source, batch)), dim)
    source, target = x.split([layout.num_source, layout.num_target], batch)
    others = [_take(target, layout.target_of_source(), batch), _take(source, layout.source_of_target(), batch)]
    return torch.cat((x, torch.cat(others, batch)), dim)


def _take(x: Tensor, rows: tuple[int, ...], dim: int) -> Tensor:
    if rows == tuple(range(x.shape[dim])):
        return x
    return torch.stack([x.select(dim, row) for row in rows], dim)  # a list as an index would be copied to the device


def _keys_and_values(k: Tensor, v: Tensor, layout: DomainBatch) -> tuple[Tensor, Tensor]:
    """Join those of both images of a pair, own first: [B, heads, M, d] → [B, heads, 2M, d]."""
    return _with_partner(torch.stack((k, v)), layout, 1, 3).unbind(0)


def _ungrouped(
    q: Tensor, k: Tensor, v: Tensor, layout: DomainBatch, direction: str, bias: tuple | None, dropout_p: float
) -> Tensor:
    """Attend by Eq. 3 in the hybrid domains, by Eq. 2 in another."""
    keys, values = _keys_and_values(k, v, layout)
    mask = None if bias is None else _bias_row(bias, q, k.shape[2]).expand(1, 1, q.shape[2], -1)
    if direction == 'both':
        return F.scaled_dot_product_attention(q, keys, values, mask, dropout_p)
    sides = zip(_hybrid_domains(direction), *(layout.split(x) for x in (q, k, v, keys, values)), strict=True)
    return torch.cat(
        [
            F.scaled_dot_product_attention(queries, both_k, both_v, mask, dropout_p)
            if hybrid
            else F.scaled_dot_product_attention(queries, own_k, own_v, dropout_p=dropout_p)
            for hybrid, queries, own_k, own_v, both_k, both_v in sides
        ]
    )


def _group_masks(
    stages: Sequence[tuple[Tensor, Tensor]],
    layout: DomainBatch,
    direction: str,
    intra_ratio: float,
    num_shared: int = 0,
) -> list[Tensor]:
    """Return what is added to the logits of the queries of each stage, [B, N, 2M], own keys first."""
    keys = torch.cat([F.pad(groups, (num_shared, 0)) if num_shared else groups for _, groups in stages], 1)
    keys = _with_partner(keys.unsqueeze(1), layout, 0, 1).split([num_shared + len(x[0]) for _, x in stages], 2)
    unseen = _unseen(layout, _hybrid_domains(direction), keys[0].device)
    bias, zero = _bias(intra_ratio), torch.zeros((), device=keys[0].device)
    masks = []
    for (groups, _), own in zip(stages, keys, strict=True):  # own: [B, 2, M]
        queries = F.pad(groups, (num_shared, 0)) if num_shared else groups
        hidden = queries[..., None, None] != own.unsqueeze(1)  # [B, N, 2, M]
        if num_shared:
            hidden[:, :num_shared] = False
            hidden[..., :num_shared] = False
        if unseen is not None:
            hidden |= unseen
        alone = hidden.flatten(2).all(2)[..., None, None]  # no key in its group: all keys
        hidden = hidden > alone if unseen is None else torch.where(alone, unseen, hidden)
        # Where own keys alone are seen, a bias is a constant, which leaves a softmax as it is.
        row = zero if bias is None else _bias_row(bias, zero, own.shape[2])
        masks.append(row.masked_fill(hidden.flatten(2), -math.inf))
    return masks


def _unseen(layout: DomainBatch, hybrid: tuple[bool, bool], device: torch.device) -> Tensor | None:
    """Mark the other domain's keys for a domain that keeps to itself: bool [B, 1, 2, 1]; None: all see both."""
    if all(hybrid):
        return None
    unseen = torch.zeros(len(layout), 1, 2, 1, dtype=torch.bool, device=device)
    for sees_both, rows in zip(hybrid, layout.split(unseen[:, :, 1]), strict=True):
        rows.fill_(not sees_both)
    return unseen


def _masked(q: Tensor, k: Tensor, v: Tensor, layout: DomainBatch, mask: Tensor, dropout_p: float) -> Tensor:
    keys, values = _keys_and_values(k, v, layout)
    return F.scaled_dot_product_attention(q, keys, values, mask.to(q.dtype).unsqueeze(1), dropout_p)
