"""STCT Eqs. 3-7 against a loop over single queries, and the identities that tie hybrid to plain attention."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmuda.domain import DomainBatch
from mmuda.functional.attention import hybrid_attention, plan_attention

BOTH_WAYS = ('gathered', 'masked')
LAYOUTS = {
    '1+1': DomainBatch(1, 1),
    '2+3': DomainBatch(2, 3),
    '3+1': DomainBatch(3, 1),
    '2+2': DomainBatch(2, 2),
    '3+2': DomainBatch(3, 2),
}
DIRECTIONS = ('both', 's2t', 't2s')
# queries and keys of each stage of a 128x128 and of a 96x160 image
GRIDS = [((n, n), (4, 4)) for n in (32, 16, 8, 4)] + [((3 * s, 5 * s), (3, 5)) for s in (8, 4, 2, 1)]


def draw(batch, queries=7, keys=4, heads=2, dim=3, dtype=torch.float64):
    """q, k and v that require gradients; distinct numbers of queries and keys."""
    return [torch.randn(batch, heads, n, dim, dtype=dtype).requires_grad_() for n in (queries, keys, keys)]


def partner_of(image, layout):
    """Row of the image that `image` is paired with: sources cycle over the targets."""
    sources, targets = layout.num_source, layout.num_target
    pairs = [b % targets for b in range(sources)]
    if image < sources:
        return sources + pairs[image]
    target = image - sources
    return pairs.index(target) if target in pairs else target % sources


def loop(q, k, v, layout, q_groups=None, kv_groups=None, direction='both', intra_ratio=0.5):
    """Eqs. 3-7 one query at a time: the list of keys it may see, a softmax over them with the log-ratio added."""
    rows = []
    for image in range(len(q)):
        is_source = image < layout.num_source
        seen = [(image, 0.0)]
        if direction == 'both' or (direction == 's2t' and is_source) or (direction == 't2s' and not is_source):
            seen = [(image, math.log(intra_ratio)), (partner_of(image, layout), math.log(1 - intra_ratio))]
        ungrouped = [(other, key, bias) for other, bias in seen for key in range(k.shape[2])]
        outs = []
        for query in range(q.shape[2]):
            allowed = ungrouped
            if q_groups is not None and direction != 'none':
                mine = q_groups[image, query]
                allowed = [entry for entry in ungrouped if kv_groups[entry[0], entry[1]] == mine] or ungrouped
            images, keys, biases = zip(*allowed)
            images, keys = list(images), list(keys)
            logits = (k[images, :, keys] * q[image, :, query]).sum(-1) / math.sqrt(q.shape[-1])  # [L, heads]
            weights = (logits + torch.tensor(biases, dtype=q.dtype)[:, None]).softmax(0)
            outs.append((weights[..., None] * v[images, :, keys]).sum(0))
        rows.append(torch.stack(outs, 1))
    return torch.stack(rows)


def group_maps(case, layout, queries=7, keys=4):
    """Groups of queries and keys for one named case."""
    batch = len(layout)
    q_groups, kv_groups = torch.rand(batch, queries) > 0.5, torch.rand(batch, keys) > 0.5
    q_groups[:, 0], q_groups[:, 1] = True, False
    partner = partner_of(0, layout)
    if case == 'none':
        return None, None
    if case == 'all in one':
        return torch.ones_like(q_groups), torch.ones_like(kv_groups)
    if case == 'an image without keys in a group':
        kv_groups[0], kv_groups[partner, 0] = False, True
    if case == 'a pair without keys in a group':
        kv_groups[0] = kv_groups[partner] = True
    if case == 'no keys in a group':
        kv_groups[:] = False
    if case == 'no queries in a group':
        q_groups[0], q_groups[-1] = False, True
    return q_groups, kv_groups


CASES = (
    'none',
    'random',
    'all in one',
    'an image without keys in a group',
    'a pair without keys in a group',
    'no keys in a group',
    'no queries in a group',
)


def with_gradients(function, tensors, *args, **kwargs):
    """The output, and what a fixed random cotangent gives back to q, k and v."""
    out = function(*tensors, *args, **kwargs)
    cotangent = torch.randn(out.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64).to(out.dtype)
    return out, torch.autograd.grad((out * cotangent).sum(), tensors)


def per_image(q, k, v):
    """MSA (Eq. 2), an image at a time."""
    return torch.cat([F.scaled_dot_product_attention(*(x[b : b + 1] for x in (q, k, v))) for b in range(len(q))])


# --- the paper --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('layout', LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('intra_ratio', [0.3, 0.5, 0.8])
def test_values_and_gradients_are_those_of_a_loop_over_queries(intra_ratio, direction, layout, case):
    tensors, groups = draw(len(layout)), group_maps(case, layout)
    expected = with_gradients(loop, tensors, layout, *groups, direction, intra_ratio)
    for implementation in BOTH_WAYS:
        found = with_gradients(hybrid_attention, tensors, layout, *groups, direction, intra_ratio, implementation)
        torch.testing.assert_close(found, expected, msg=lambda text, name=implementation: f'{name}: {text}')


def test_the_cases_above_are_what_they_are_called():
    layout = LAYOUTS['2+3']
    for case in CASES[3:6]:
        q_groups, kv_groups = group_maps(case, layout)
        pair = [0, partner_of(0, layout)]
        empty = {side for side in (True, False) if not (kv_groups[pair] == side).any()}
        assert empty == {'an': set(), 'a': {False}, 'no': {True}}[case.split()[0]] or case == CASES[3]
        assert all((q_groups[0] == side).any() for side in (True, False))
    assert not group_maps(CASES[3], layout)[1][0].any()
    assert partner_of(4, layout) == 0
    assert partner_of(2, LAYOUTS['3+2']) == 3
    assert partner_of(4, LAYOUTS['3+2']) == 1


@pytest.mark.parametrize('implementation', [*BOTH_WAYS, 'auto'])
def test_a_ratio_of_one_half_is_equation_3(implementation):
    q, k, v = draw(2)
    out = hybrid_attention(q, k, v, DomainBatch(1, 1), intra_ratio=0.5, implementation=implementation)
    for image in range(2):
        logits = q[image] @ torch.cat((k[0], k[1]), 1).transpose(1, 2) / math.sqrt(3)
        torch.testing.assert_close(out[image], logits.softmax(-1) @ torch.cat((v[0], v[1]), 1))


# --- identities -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('implementation', [*BOTH_WAYS, 'auto'])
@pytest.mark.parametrize('direction', ['both', 's2t', 't2s'])
@pytest.mark.parametrize('intra_ratio', [0.3, 0.5])
def test_two_equal_domains_without_groups_are_plain_attention(implementation, direction, intra_ratio):
    q, k, v = (torch.cat((x, x)) for x in draw(2, dtype=torch.float32))
    out = hybrid_attention(q, k, v, DomainBatch(2, 2), None, None, direction, intra_ratio, implementation)
    torch.testing.assert_close(out, per_image(q, k, v), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize('grids', GRIDS, ids=str)
@pytest.mark.parametrize('direction', DIRECTIONS)
def test_gathered_is_masked_on_the_grids_of_all_stages(grids, direction):
    layout = DomainBatch(2, 1)
    queries, keys = (height * width for height, width in grids)
    tensors = draw(3, queries, keys, dim=8, dtype=torch.float32)
    groups = torch.rand(3, queries) > 0.4, torch.rand(3, keys) > 0.4
    results = [
        with_gradients(hybrid_attention, tensors, layout, *groups, direction, 0.4, implementation)
        for implementation in (*BOTH_WAYS, 'auto')
    ]
    for other in results[1:]:
        torch.testing.assert_close(results[0], other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('implementation', [*BOTH_WAYS, 'auto'])
@pytest.mark.parametrize('grouped', [False, True])
def test_direction_none_is_plain_attention(implementation, grouped):
    layout = DomainBatch(2, 3)
    q, k, v = draw(5)
    groups = group_maps('random' if grouped else 'none', layout)
    out = hybrid_attention(q, k, v, layout, *groups, 'none', 0.3, implementation)
    torch.testing.assert_close(out, per_image(q, k, v))


@pytest.mark.parametrize('implementation', [*BOTH_WAYS, 'auto'])
@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('side', [True, False])
def test_one_group_for_everything_is_no_grouping(implementation, direction, side):
    layout = DomainBatch(2, 1)
    q, k, v = draw(3)
    groups = torch.full((3, 7), side), torch.full((3, 4), side)
    out = hybrid_attention(q, k, v, layout, *groups, direction, 0.3, implementation)
    torch.testing.assert_close(out, hybrid_attention(q, k, v, layout, direction=direction, intra_ratio=0.3))


@pytest.mark.parametrize('implementation', [*BOTH_WAYS, 'auto'])
@pytest.mark.parametrize('layout', [DomainBatch(2, 1, hybrid=False), DomainBatch(3, 0), DomainBatch(0, 3)])
@pytest.mark.parametrize('case', ['none', 'random'])
def test_a_step_without_hybrid_or_with_one_domain_is_plain_attention(implementation, layout, case):
    q, k, v = draw(3)
    groups = (None, None) if case == 'none' else (torch.rand(3, 7) > 0.5, torch.rand(3, 4) > 0.5)
    out = hybrid_attention(q, k, v, layout, *groups, 'both', 0.3, implementation)
    torch.testing.assert_close(out, per_image(q, k, v))


@pytest.mark.parametrize('direction', DIRECTIONS)
@pytest.mark.parametrize('case', ['random', 'an image without keys in a group'])
def test_the_two_groups_have_no_order(direction, case):
    layout = DomainBatch(2, 3)
    q, k, v = draw(5)
    q_groups, kv_groups = group_maps(case, layout)
    for implementation in BOTH_WAYS:
        rest = (direction, 0.3, implementation)
        torch.testing.assert_close(
            hybrid_attention(q, k, v, layout, q_groups, kv_groups, *rest),
            hybrid_attention(q, k, v, layout, ~q_groups, ~kv_groups, *rest),
        )


@pytest.mark.parametrize('direction', DIRECTIONS)
def test_a_plan_computed_once_serves_all_layers_of_a_stage(direction):
    layout = DomainBatch(2, 3)
    groups = group_maps('random', layout)
    plan = plan_attention(layout, [groups], direction, 0.3, 'gathered')[0]
    for _ in range(2):
        tensors = draw(5)
        found, expected = (
            with_gradients(hybrid_attention, tensors, layout, *groups, direction, 0.3, 'gathered', **extra)
            for extra in (dict(plan=plan), {})
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('implementation', [*BOTH_WAYS, 'auto'])
@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('direction', ['both', 's2t'])
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float32])
def test_no_number_is_lost_and_the_type_is_kept(implementation, case, direction, dtype):
    layout = DomainBatch(2, 3)
    tensors = [(30 * x).detach().to(dtype).requires_grad_() for x in draw(5)]  # sharp softmax: logits in the thousands
    groups = group_maps(case, layout)
    out, grads = with_gradients(hybrid_attention, tensors, layout, *groups, direction, 0.8, implementation)
    assert out.dtype == dtype
    assert all(x.isfinite().all() for x in (out, *grads))
    reference = loop(*(x.double() for x in tensors), layout, *groups, direction, 0.8)
    tolerance = dict(atol=1.0, rtol=0.02) if dtype == torch.bfloat16 else dict(atol=1e-2, rtol=1e-3)
    torch.testing.assert_close(out.double(), reference, **tolerance)


@pytest.mark.parametrize('implementation', BOTH_WAYS)
def test_bfloat16_stays_near_the_exact_result(implementation):
    layout = DomainBatch(2, 2)
    tensors = draw(4, 64, 16, dim=8)
    groups = torch.rand(4, 64) > 0.5, torch.rand(4, 16) > 0.5
    exact = hybrid_attention(*tensors, layout, *groups, 'both', 0.3, implementation)
    rough = hybrid_attention(*(x.bfloat16() for x in tensors), layout, *groups, 'both', 0.3, implementation)
    torch.testing.assert_close(rough.double(), exact, atol=0.04, rtol=0.04)


@pytest.mark.parametrize('implementation', BOTH_WAYS)
def test_strided_views_give_the_same_as_dense_tensors(implementation):
    layout = DomainBatch(1, 2)
    dense = draw(3, 6, 5)
    views = [x.detach().transpose(1, 2).contiguous().transpose(1, 2) for x in dense]  # as the projections make them
    groups = torch.rand(3, 6) > 0.5, torch.rand(3, 5) > 0.5
    torch.testing.assert_close(
        hybrid_attention(*views, layout, *groups, implementation=implementation),
        hybrid_attention(*dense, layout, *groups, implementation=implementation),
    )


@pytest.mark.parametrize('implementation', [*BOTH_WAYS, 'auto'])
@pytest.mark.parametrize('case', ['none', 'random', 'an image without keys in a group', 'plain'])
def test_dropout_acts_and_keeps_the_mean(implementation, case):
    layout = DomainBatch(2, 3, hybrid=case != 'plain')
    q, k, v = (x.detach().expand(-1, 4000, -1, -1) for x in draw(5, heads=1))
    groups = group_maps('none' if case == 'plain' else case, layout)
    rest = ('both', 0.3, implementation)
    exact = hybrid_attention(q[:, :1], k[:, :1], v[:, :1], layout, *groups, *rest)
    torch.manual_seed(1)
    dropped = hybrid_attention(q, k, v, layout, *groups, *rest, dropout_p=0.25)
    assert not torch.equal(dropped[:, 0], dropped[:, 1])
    torch.testing.assert_close(dropped.mean(1, keepdim=True), exact, atol=0.08, rtol=0)
    torch.manual_seed(1)
    assert torch.equal(dropped, hybrid_attention(q, k, v, layout, *groups, *rest, dropout_p=0.25))


def macs(function, *args):
    """Multiply-adds of the products of one call, kernels taken apart."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        function(*args)
    return counter.get_total_flops() // 2


@pytest.mark.parametrize('of_queries, of_keys', [(0.5, 0.5), (0.75, 0.75), (0.75, 0.25), (0.25, 0.5), (1.0, 1.0)])
def test_gathered_costs_what_its_groups_cost_and_masked_twice_self_attention(of_queries, of_keys):
    layout = DomainBatch(1, 1)
    q, k, v = (x.detach() for x in draw(2, 256, 64, dim=8, dtype=torch.float32))
    groups = (torch.arange(256) < 256 * of_queries).expand(2, -1), (torch.arange(64) < 64 * of_keys).expand(2, -1)
    plain = macs(per_image, q, k, v)
    assert plain == 2 * 2 * 2 * 256 * 64 * 8
    gathered, masked = (
        macs(hybrid_attention, q, k, v, layout, *groups, 'both', 0.5, implementation) for implementation in BOTH_WAYS
    )
    assert masked == 2 * plain
    assert gathered == 2 * (of_queries * of_keys + (1 - of_queries) * (1 - of_keys)) * plain


def test_the_automatic_choice_is_exact_for_many_keys_too():
    layout = DomainBatch(2, 1)
    tensors = draw(3, 400, 256, dim=4)
    groups = torch.rand(3, 400) > 0.4, torch.rand(3, 256) > 0.4
    auto, *others = (
        with_gradients(hybrid_attention, tensors, layout, *groups, 'both', 0.4, implementation)
        for implementation in ('auto', *BOTH_WAYS)
    )
    for other in others:
        torch.testing.assert_close(auto, other)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    'change, text',
    [
        (dict(direction='sideways'), "'sideways'.*both"),
        (dict(implementation='fast'), "'fast'.*gathered"),
        (dict(intra_ratio=0.0), 'intra_ratio=0'),
        (dict(intra_ratio=1.0), 'intra_ratio=1'),
        (dict(intra_ratio=-0.5), 'intra_ratio=-0.5'),
        (dict(layout=DomainBatch(2, 2)), '3.*2'),
        (dict(kv_groups=None), 'groups.*both or neither'),
        (dict(q_groups=None), 'groups.*both or neither'),
        (dict(q_groups=torch.ones(3, 8, dtype=torch.bool)), r'q_groups.*\[?3, 8'),
        (dict(q_groups=torch.ones(2, 7, dtype=torch.bool)), r'q_groups.*\[?2, 7'),
        (dict(kv_groups=torch.ones(3, 7, dtype=torch.bool)), r'kv_groups.*\[?3, 7'),
    ],
)
def test_errors_say_what_was_found(change, text):
    q, k, v = draw(3)
    arguments = dict(
        layout=DomainBatch(1, 2),
        q_groups=torch.ones(3, 7, dtype=torch.bool),
        kv_groups=torch.ones(3, 4, dtype=torch.bool),
    )
    with pytest.raises(ValueError, match=text):
        hybrid_attention(q, k, v, **(arguments | change))


def test_a_plan_for_another_ratio_is_refused():
    layout = DomainBatch(1, 1)
    q, k, v = (torch.randn(2, 1, tokens, 4) for tokens in (6, 5, 5))
    groups = torch.rand(2, 6) < 0.5, torch.rand(2, 5) < 0.5
    (plan,) = plan_attention(layout, [groups], implementation='gathered')
    for options in (dict(intra_ratio=0.3), dict(direction='s2t')):
        with pytest.raises(ValueError, match='its plan was made for others'):
            hybrid_attention(q, k, v, layout, plan=plan, **options)


@pytest.mark.parametrize('keys, products', [(16, 2), (256, 1)])
def test_auto_packs_where_there_are_many_keys(keys, products):
    """Multiply-adds with even halves, as a multiple of self-attention's."""
    layout = DomainBatch(1, 1)
    q, k, v = (torch.randn(2, 1, tokens, 4) for tokens in (64, keys, keys))
    groups = [torch.arange(tokens).expand(2, -1) < tokens // 2 for tokens in (64, keys)]
    counts = []
    for attend in (lambda: F.scaled_dot_product_attention(q, k, v), lambda: hybrid_attention(q, k, v, layout, *groups)):
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            attend()
        counts.append(counter.get_total_flops())
    assert counts[1] == products * counts[0]


def test_gathered_is_refused_by_a_compiler():
    layout = DomainBatch(1, 1)
    q, k, v = (torch.randn(2, 1, tokens, 4) for tokens in (6, 5, 5))
    groups = torch.rand(2, 6) < 0.5, torch.rand(2, 5) < 0.5
    compiled = torch.compile(hybrid_attention, backend='eager', fullgraph=True)
    with pytest.raises(Exception, match=r"'gathered' under torch\.compile"):
        compiled(q, k, v, layout, *groups, implementation='gathered')
