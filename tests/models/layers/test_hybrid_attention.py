"""`HybridAttention`: mmseg's attention layer on the parameters it takes over, hybrid in training only."""

import copy
import math

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmseg.models.backbones.mit import EfficientMultiheadAttention

from mmuda.domain import DomainBatch, DomainLayer, bind_domain_context
from mmuda.functional.grouping import key_groups
from mmuda.models.layers import EfficientAttention, HybridAttention

GRID, CHANNELS = (6, 4), 8


def build(sr_ratio=2, drop=0.0, **kwargs):
    """A layer in float64 with random parameters (biases too), and its context."""
    host = EfficientMultiheadAttention(CHANNELS, 2, attn_drop=drop, qkv_bias=True, sr_ratio=sr_ratio)
    layer = HybridAttention(host, **kwargs).double()
    for param in layer.parameters():
        nn.init.normal_(param, std=0.4)
    return layer, bind_domain_context(layer)


def tokens(batch, **kwargs):
    return torch.randn(batch, GRID[0] * GRID[1], CHANNELS, dtype=torch.float64, **kwargs)


def grouped(num_source, num_target, stage=0, **kwargs):
    """A layout with random groups for `stage` and useless ones for the stages before it."""
    batch = num_source + num_target
    maps = [torch.ones(batch, 1, 1, dtype=torch.bool)] * stage + [torch.rand(batch, *GRID) > 0.5]
    return DomainBatch(num_source, num_target, groups=tuple(maps), **kwargs)


def plain(layer, x):
    """Self-attention on the same parameters."""
    twin = EfficientAttention.__new__(EfficientAttention)
    twin.__dict__.update(layer.__dict__)
    return EfficientAttention.forward(twin, x, GRID)


def weights(layer, x, image, partner):
    """Re-typed attention weights of one image over `[own; partner's]` keys: [heads, N, 2M], groups from the layout."""
    layout = layer.domain_context.batch
    q, k, _ = layer.project(x, layer.reduce(x, GRID))
    r = layer.intra_ratio
    own, other = (q[image] @ k[i].transpose(1, 2) / math.sqrt(q.shape[-1]) for i in (image, partner))
    logits = torch.cat((own + math.log(r), other + math.log(1 - r)), 2)
    if layout.groups is not None:
        maps = layout.groups[layer.stage]
        keys = key_groups(maps, layer.sr_ratio, layer.majority).flatten(1)
        same = maps[image].flatten()[:, None] == torch.cat((keys[image], keys[partner]))
        assert same.any(1).all()
        logits = logits.masked_fill(~same, -math.inf)
    return logits.softmax(-1)


def test_it_is_a_domain_layer_on_the_parameters_of_its_host():
    host = EfficientMultiheadAttention(CHANNELS, 2, sr_ratio=2, qkv_bias=True)
    layer = HybridAttention(host, stage=2, direction='s2t', intra_ratio=0.3, implementation='masked')
    assert isinstance(layer, DomainLayer)
    assert isinstance(layer, EfficientAttention)
    assert list(layer.state_dict()) == list(EfficientAttention(host).state_dict())
    assert all(a is b for a, b in zip(layer.parameters(), EfficientAttention(host).parameters()))
    assert (layer.stage, layer.direction, layer.intra_ratio, layer.implementation) == (2, 's2t', 0.3, 'masked')


@pytest.mark.parametrize('implementation', ['gathered', 'masked', 'auto'])
@pytest.mark.parametrize('sr_ratio', [1, 2])
@pytest.mark.parametrize('majority', [False, True])
@pytest.mark.parametrize('stage', [0, 2])
def test_a_training_pass_is_the_sum_over_both_domains_keys(implementation, sr_ratio, majority, stage):
    layer, context = build(sr_ratio, stage=stage, intra_ratio=0.3, implementation=implementation, majority=majority)
    context.set(grouped(1, 2, stage))
    x = tokens(3)
    _, _, v = layer.project(x, layer.reduce(x, GRID))
    expected = []
    for image, partner in ((0, 1), (1, 0), (2, 0)):
        heads = weights(layer, x, image, partner) @ torch.cat((v[image], v[partner]), 1)
        expected.append(x[image] + layer.attn.out_proj(heads.transpose(0, 1).flatten(1)))
    torch.testing.assert_close(layer(x, GRID), torch.stack(expected))


def test_the_residual_path_is_the_identity_that_is_given():
    layer, context = build()
    context.set(grouped(1, 1))
    x, identity = tokens(2), tokens(2)
    torch.testing.assert_close(layer(x, GRID, identity=identity), layer(x, GRID) - x + identity)


@pytest.mark.parametrize('implementation', ['gathered', 'masked', 'auto'])
def test_evaluation_is_plain_attention_and_reads_no_layout(implementation):
    layer, context = build(drop=0.5, implementation=implementation)
    layer.eval()
    x = tokens(3)
    for layout in (None, DomainBatch(7, 7), grouped(1, 2)):
        context.set(layout)
        torch.testing.assert_close(layer(x, GRID), plain(layer, x))


@pytest.mark.parametrize(
    'layout', [DomainBatch(1, 2, hybrid=False), DomainBatch(3, 0), DomainBatch(0, 3)], ids=['off', 'source', 'target']
)
@pytest.mark.parametrize('groups', [False, True])
def test_one_domain_or_a_step_without_hybrid_is_plain_attention(layout, groups):
    layer, context = build()
    if groups:
        layout = grouped(layout.num_source, layout.num_target, hybrid=layout.hybrid)
    context.set(layout)
    x = tokens(3)
    torch.testing.assert_close(layer(x, GRID), plain(layer, x))


def test_one_direction_leaves_the_other_domain_alone():
    x = tokens(3)
    for direction, alone in (('s2t', slice(1, 3)), ('t2s', slice(0, 1))):
        layer, context = build(direction=direction)
        context.set(DomainBatch(1, 2))
        same = torch.isclose(layer(x, GRID), plain(layer, x)).flatten(1).all(1)
        assert same[alone].all()
        assert same.sum() == len(same[alone])


def test_attention_dropout_acts_in_training_only():
    layer, context = build(drop=0.5)
    context.set(grouped(1, 1))
    x = tokens(2)
    assert not torch.equal(layer(x, GRID), layer(x, GRID))
    layer.eval()
    assert torch.equal(layer(x, GRID), layer(x, GRID))


# --- where the attention goes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize('implementation', ['gathered', 'masked', 'auto'])
@pytest.mark.parametrize('groups', [False, True])
@pytest.mark.parametrize('intra_ratio', [0.3, 0.5])
def test_cross_domain_mass_is_the_weight_of_the_partners_keys(implementation, groups, intra_ratio):
    layer, context = build(intra_ratio=intra_ratio, implementation=implementation, drop=0.5)
    context.set(grouped(2, 2) if groups else DomainBatch(2, 2))
    x = tokens(4, requires_grad=True)
    mass = layer.cross_domain_mass(x, GRID)
    assert not mass.requires_grad
    keys = GRID[0] * GRID[1] // 4
    expected = [weights(layer, x, i, p)[..., keys:].sum(-1).mean() for i, p in ((0, 2), (1, 3), (2, 0), (3, 1))]
    torch.testing.assert_close(mass, torch.stack(expected).detach())


@pytest.mark.parametrize('intra_ratio', [0.2, 0.5])
def test_equal_domains_share_the_attention_by_the_ratio(intra_ratio):
    layer, context = build(intra_ratio=intra_ratio)
    context.set(DomainBatch(2, 2))
    mass = layer.cross_domain_mass(tokens(2).repeat(2, 1, 1), GRID)
    torch.testing.assert_close(mass, torch.full((4,), 1 - intra_ratio, dtype=torch.float64))


@pytest.mark.parametrize('direction, hybrid', [('s2t', [0]), ('t2s', [1, 2]), ('none', []), ('both', [0, 1, 2])])
def test_only_hybrid_queries_look_at_the_other_domain(direction, hybrid):
    layer, context = build(direction=direction)
    context.set(grouped(1, 2))
    mass = layer.cross_domain_mass(tokens(3), GRID)
    assert mass.gt(1e-3).nonzero().flatten().tolist() == hybrid
    assert mass.ge(-1e-12).all()
    context.set(DomainBatch(1, 2, hybrid=False))
    assert layer.cross_domain_mass(tokens(3), GRID).abs().max() < 1e-12


# --- copies, compilation, layouts that do not fit ---------------------------------------------------------------------


def test_a_copy_has_its_own_context_and_shares_nothing_drawn():
    layer, context = build()
    copied = copy.deepcopy(layer)
    other = bind_domain_context(copied)
    assert other is not context
    x, first, second = tokens(2), grouped(1, 1), grouped(1, 1)
    context.set(first)
    other.set(second)
    mine, theirs = layer(x, GRID), copied(x, GRID)
    assert not torch.allclose(mine, theirs)
    assert torch.equal(layer(x, GRID), mine)
    context.set(second)
    torch.testing.assert_close(layer(x, GRID), theirs)


@pytest.mark.parametrize('implementation, groups', [('auto', False), ('auto', True), ('masked', True)])
def test_the_whole_layer_compiles_once_and_follows_the_layout_of_each_step(implementation, groups):
    layer, context = build(implementation=implementation)
    counter = CompileCounterWithBackend('aot_eager')
    compiled = torch.compile(layer, backend=counter, fullgraph=True)
    for _ in range(4):
        context.set(grouped(1, 2) if groups else DomainBatch(1, 2))
        x = tokens(3)
        results = []
        for module in (layer, compiled):
            layer.zero_grad()
            out = module(x, GRID)
            out.square().sum().backward()
            results.append([out, *(p.grad.clone() for p in layer.parameters())])
        torch.testing.assert_close(*results)
    assert counter.frame_count == 1


def test_training_without_a_layout_names_the_hook():
    layer, context = build()
    with pytest.raises(RuntimeError, match=r'HybridAttention is training without a domain layout.*DomainContextHook'):
        layer(tokens(2), GRID)
    context.set(DomainBatch(1, 2))
    with pytest.raises(RuntimeError, match=r'HybridAttention got 2 samples.*1 source \+ 2 target'):
        layer(tokens(2), GRID)


@pytest.mark.parametrize('shapes', [[(2, 3, 2)], [(2, 4, 6)], [(3, 6, 4)], []])
def test_groups_of_another_batch_are_refused(shapes):
    layer, context = build()
    context.set(DomainBatch(1, 1, groups=tuple(torch.ones(shape, dtype=torch.bool) for shape in shapes)))
    with pytest.raises(ValueError, match=r'groups.*stage 0.*\(2, 6, 4\)'):
        layer(tokens(2), GRID)


@pytest.mark.parametrize(
    'kwargs, text',
    [
        (dict(direction='sideways'), "'sideways'"),
        (dict(intra_ratio=1.0), 'intra_ratio=1'),
        (dict(implementation='fast'), "'fast'"),
    ],
)
def test_unknown_options_are_refused_when_the_layer_is_built(kwargs, text):
    with pytest.raises(ValueError, match=text):
        build(**kwargs)
