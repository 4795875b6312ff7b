"""`MHAMixVisionTransformer`: mmseg's network outside training, STCT's in training."""

import copy
import math
import warnings

import pytest
import torch
from torch import nn

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmseg.models.backbones import MixVisionTransformer as MMSegMiT

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.functional.grouping import STRATEGIES
from mmuda.models.backbones import MHAMixVisionTransformer, MixVisionTransformer
from mmuda.registry import MODELS

TINY = dict(embed_dims=8, num_layers=[1, 2, 1, 1], num_heads=[1, 2, 5, 8])
STILL = dict(drop_path_rate=0.0)


def build(kind=MHAMixVisionTransformer, **kwargs):
    """A tiny network in float64, the same random parameters (biases too) for every kind."""
    net = kind(**TINY, **(STILL | kwargs)).double()
    torch.manual_seed(0)
    for param in net.parameters():
        nn.init.normal_(param, std=0.3)
    return net


def images(batch, size=(64, 64)):
    return torch.randn(batch, 3, *size, dtype=torch.float64)


def labels(batch, size=(64, 64), classes=6):
    """Blobs of 16 pixels, so that every stage's grid sees the classes."""
    small = torch.randint(0, classes, (batch, -(-size[0] // 16), -(-size[1] // 16)))
    return small.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, : size[0], : size[1]]


def announce(net, layout, x, label=None):
    """Draw what the network wants and set it, as UDAModel does before a training pass."""
    context = bind_domain_context(net)
    context.set(net.draw_groups(layout, x, label))
    return context.batch


def run(net, x):
    """Outputs and parameter gradients of a scalar that uses every output."""
    net.zero_grad()
    outs = net(x)
    sum((out * out.cos()).sum() for out in outs).backward()
    return list(outs), {name: p.grad.clone() for name, p in net.named_parameters()}


def kinds(net):
    return [{type(block.attn).__name__ for block in blocks} for _, blocks, _ in net.layers]


# --- the same network -------------------------------------------------------------------------------------------------


def test_state_dict_is_mmsegs_in_names_and_order():
    ours, host = MHAMixVisionTransformer(**TINY), MMSegMiT(**TINY)
    assert list(ours.state_dict()) == list(host.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in host.named_parameters()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in host.named_buffers()]
    ours.load_state_dict(host.state_dict(), strict=True)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('size', [(64, 64), (72, 40)])
@pytest.mark.parametrize('kind', [MixVisionTransformer, MMSegMiT], ids=['ours', 'mmseg'])
def test_evaluation_is_plain_mit_to_the_last_bit_and_reads_no_layout(dtype, size, kind):
    ours, host = (build(net, drop_path_rate=0.1).to(dtype).eval() for net in (MHAMixVisionTransformer, kind))
    x = images(2, size).to(dtype)
    expected = host(x)
    context = bind_domain_context(ours)
    for layout in (None, DomainBatch(5, 6), ours.draw_groups(DomainBatch(1, 1), x, labels(1, size))):
        context.set(layout)
        assert all(torch.equal(a, b) for a, b in zip(ours(x), expected))


def test_registered():
    assert isinstance(MODELS.build(dict(type='mmuda.MHAMixVisionTransformer', **TINY)), MMSegMiT)


# --- the paper's training pass ----------------------------------------------------------------------------------------


def partner_of(image, layout):
    """Re-typed pairing."""
    pairs = [b % layout.num_target for b in range(layout.num_source)]
    if image < layout.num_source:
        return layout.num_source + pairs[image]
    target = image - layout.num_source
    return pairs.index(target) if target in pairs else target % layout.num_source


def reference(net, x, layout, ratio, direction):
    """The whole encoder from its sub-modules, attention by Eqs. 3-7: an image, a group and a head at a time."""
    outs = []
    for (embed, blocks, norm), maps in zip(net.layers, layout.groups):
        x, (height, width) = embed(x)
        for block in blocks:
            attention, normed = block.attn, block.norm1(x)
            r, mha, heads = attention.sr_ratio, attention.attn, attention.num_heads
            reduced = normed
            if r > 1:
                pixels = normed.transpose(1, 2).unflatten(2, (height, width))
                reduced = attention.norm(attention.sr(pixels).flatten(2).transpose(1, 2))
            w_q, w_k, w_v = mha.in_proj_weight.chunk(3)
            b_q, b_k, b_v = mha.in_proj_bias.chunk(3)
            q, k, v = normed @ w_q.T + b_q, reduced @ w_k.T + b_k, reduced @ w_v.T + b_v
            rows = torch.arange(height // r) * height // (height // r)
            columns = torch.arange(width // r) * width // (width // r)
            of_key = maps[:, rows][:, :, columns].flatten(1)
            out = torch.zeros_like(q)
            for image in range(len(x)):
                is_source = image < layout.num_source
                seen = [(image, 0.0)]
                if direction == 'both' or (direction == 's2t') == is_source:
                    seen = [(image, math.log(ratio)), (partner_of(image, layout), math.log(1 - ratio))]
                for side in (True, False):
                    mine = (maps[image].flatten() == side).nonzero().flatten()
                    keys = [(of_key[i] == side).nonzero().flatten() for i, _ in seen]
                    if not sum(map(len, keys)):
                        keys = [torch.arange(of_key.shape[1]) for _ in seen]
                    all_k = torch.cat([k[i, own] for (i, _), own in zip(seen, keys)])
                    all_v = torch.cat([v[i, own] for (i, _), own in zip(seen, keys)])
                    bias = torch.cat([torch.full((len(own),), b, dtype=x.dtype) for (_, b), own in zip(seen, keys)])
                    dim = q.shape[-1] // heads
                    for head in range(heads):
                        part = slice(head * dim, (head + 1) * dim)
                        logits = q[image, mine, part] @ all_k[:, part].T / math.sqrt(dim) + bias
                        out[image, mine, part] = logits.softmax(1) @ all_v[:, part]
            x = x + mha.out_proj(out)
            x = block.ffn(block.norm2(x), (height, width), identity=x)
        x = norm(x).transpose(1, 2).unflatten(2, (height, width))
        outs.append(x)
    return outs


@pytest.mark.parametrize('implementation', ['gathered', 'masked', 'auto'])
@pytest.mark.parametrize(
    'layout, direction, strategy',
    [
        (DomainBatch(1, 1), 'both', 'semantic'),
        (DomainBatch(2, 3), 'both', 'random'),
        (DomainBatch(2, 2), 's2t', 'cutout'),
        (DomainBatch(3, 1), 't2s', 'scattered-semantic'),
    ],
    ids=lambda value: value if isinstance(value, str) else f'{value.num_source}+{value.num_target}',
)
def test_a_step_is_a_loop_over_images_groups_and_heads(implementation, layout, direction, strategy):
    net = build(
        qkv_bias=True,
        strategy=strategy,
        direction=direction,
        intra_ratio=0.4,
        implementation=implementation,
        num_scattered=2 * (strategy == 'scattered-semantic'),
    )
    size = (64, 48)
    x = images(len(layout), size)
    layout = announce(net, layout, x, labels(layout.num_source, size))
    found = run(net, x)
    net.zero_grad()
    outs = reference(net, x, layout, 0.4, direction)
    sum((out * out.cos()).sum() for out in outs).backward()
    torch.testing.assert_close(found, (outs, {name: p.grad for name, p in net.named_parameters()}))


def test_equal_domains_without_grouping_are_plain_mit():
    ours, host = build(strategy='none'), build(MixVisionTransformer)
    x = images(2).repeat(2, 1, 1, 1)
    assert announce(ours, DomainBatch(2, 2), x).groups is None
    torch.testing.assert_close(run(ours, x), run(host, x))


@pytest.mark.parametrize('kwargs', [dict(mha_prob=0.0), dict(direction='none'), dict(mha_stages=())])
def test_switched_off_it_trains_as_plain_mit(kwargs):
    ours, host = build(**kwargs), build(MixVisionTransformer)
    x = images(3)
    announce(ours, DomainBatch(1, 2), x, labels(1))
    torch.testing.assert_close(run(ours, x), run(host, x))


@pytest.mark.parametrize('layout', [DomainBatch(0, 3), DomainBatch(3, 0)])
def test_one_domain_alone_trains_as_plain_mit(layout):
    ours, host = build(), build(MixVisionTransformer)
    x = images(3)
    announce(ours, layout, x, labels(layout.num_source))
    torch.testing.assert_close(run(ours, x), run(host, x))


def test_a_drawn_layout_can_be_switched_off_for_one_pass():
    ours, host = build(), build(MixVisionTransformer)
    x = images(2)
    layout = announce(ours, DomainBatch(1, 1), x, labels(1))
    bind_domain_context(ours).set(DomainBatch(1, 1, groups=layout.groups, hybrid=False))
    torch.testing.assert_close(run(ours, x), run(host, x))


@pytest.mark.parametrize('implementation', ['gathered', 'masked'])
def test_groups_alone_give_what_the_drawn_layout_gives(implementation):
    net = build(implementation=implementation)
    x = images(3)
    drawn = announce(net, DomainBatch(1, 2), x, labels(1))
    expected = run(net, x)
    bind_domain_context(net).set(DomainBatch(1, 2, groups=drawn.groups))
    torch.testing.assert_close(run(net, x), expected)


@pytest.mark.parametrize('stages', [(0,), (1, 3), [2], (3, 2, 1, 0)])
def test_only_the_chosen_stages_mix_domains(stages):
    net, host = build(mha_stages=stages), build(MixVisionTransformer)
    assert kinds(net) == [{'HybridAttention' if s in stages else 'EfficientAttention'} for s in range(4)]
    x = images(2)
    announce(net, DomainBatch(1, 1), x, labels(1))
    outs, expected = net(x), host(x)
    changed = [not torch.allclose(a, b) for a, b in zip(outs, expected)]
    assert changed == [s >= min(stages) for s in range(4)]


@pytest.mark.parametrize('counts', [(2, 3), (3, 1), (1, 2)])
@pytest.mark.parametrize('size', [(64, 64), (70, 45)])
@pytest.mark.parametrize('strategy', ['none', 'semantic', 'random'])
def test_odd_batches_and_sizes_train(counts, size, strategy):
    net = build(strategy=strategy, drop_path_rate=0.1)
    layout, x = DomainBatch(*counts), images(sum(counts), size)
    announce(net, layout, x, labels(counts[0], size))
    _, grads = run(net, x)
    assert all(grad.isfinite().all() for grad in grads.values())


@pytest.mark.parametrize('value', [3, 255])
def test_crops_of_one_class_or_of_none_train_without_grouping(value):
    grouped, ungrouped = build(), build(strategy='none')
    x = images(2)
    layout = announce(grouped, DomainBatch(1, 1), x, torch.full((1, 64, 64), value))
    assert all(maps.all() for maps in layout.groups)
    announce(ungrouped, DomainBatch(1, 1), x)
    torch.testing.assert_close(run(grouped, x), run(ungrouped, x))


# --- what training brings along ---------------------------------------------------------------------------------------


@pytest.mark.parametrize('strategy', ['semantic', 'none'])
@pytest.mark.parametrize('implementation', ['gathered', 'masked'])
def test_checkpointing_changes_nothing(strategy, implementation):
    results = []
    x, label = images(3), labels(2)
    for with_cp in (False, True):
        options = dict(strategy=strategy, implementation=implementation, drop_path_rate=0.3, attn_drop_rate=0.2)
        net = build(with_cp=with_cp, **options)
        torch.manual_seed(3)
        announce(net, DomainBatch(2, 1), x, label)
        results.append(run(net, x.clone().requires_grad_()))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)


@pytest.mark.parametrize('implementation', ['gathered', 'masked', 'auto'])
def test_bfloat16_autocast_trains(implementation):
    net = build(implementation=implementation).float()
    x = images(3).float()
    announce(net, DomainBatch(1, 2), x, labels(1))
    exact = net(x)
    net.zero_grad()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        outs = net(x)
        loss = sum(out.float().square().mean() for out in outs)
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    assert (outs[0].float() - exact[0]).abs().mean() < 0.05 * exact[0].abs().mean()


def test_a_deep_copy_has_its_own_context_and_draws_for_itself():
    net = build()
    x, label = images(2), labels(1)
    announce(net, DomainBatch(1, 1), x, label)
    expected = run(net, x)
    twin = copy.deepcopy(net)
    context = bind_domain_context(twin)
    assert context is not bind_domain_context(net)
    context.set(DomainBatch(2, 0))
    torch.testing.assert_close(run(twin, x), run(build(MixVisionTransformer), x))
    torch.testing.assert_close(run(net, x), expected, rtol=0, atol=0)


def test_the_whole_network_compiles_and_follows_the_layout_of_each_step():
    net = MHAMixVisionTransformer(embed_dims=8, num_layers=[1] * 4, num_heads=[1, 2, 2, 4], **STILL).double()
    compiled = torch.compile(net, backend='aot_eager', fullgraph=True)
    for _ in range(2):
        x = images(3)
        announce(net, DomainBatch(1, 2), x, labels(1))
        (outs, grads), expected = run(compiled, x), run(net, x)
        torch.testing.assert_close((outs, {name.removeprefix('_orig_mod.'): g for name, g in grads.items()}), expected)


# --- drawing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('size', [(64, 64), (128, 96), (70, 45), (33, 130)])
def test_stage_grids_are_those_of_the_outputs(size):
    net = build()
    assert [tuple(grid) for grid in net.stage_grids(*size)] == [out.shape[2:] for out in net.eval()(images(1, size))]


@pytest.mark.parametrize('strategy', STRATEGIES)
@pytest.mark.parametrize('layout', [DomainBatch(2, 3), DomainBatch(2, 2), DomainBatch(3, 1)])
def test_the_target_borrows_the_map_of_its_partner_unless_it_is_random(strategy, layout):
    net, size = build(strategy=strategy), (128, 96)
    x = images(len(layout), size)
    drawn = net.draw_groups(layout, x, labels(layout.num_source, size))
    assert drawn == layout
    assert drawn.hybrid
    assert [tuple(maps.shape) for maps in drawn.groups] == [(len(layout), *grid) for grid in net.stage_grids(*size)]
    for maps in drawn.groups:
        assert maps.dtype == torch.bool
        pairs = [(maps[i], maps[partner_of(i, layout)]) for i in range(layout.num_source, len(layout))]
        assert all(torch.equal(*pair) for pair in pairs) == (strategy != 'random')
    if strategy == 'random':
        coarse = drawn.groups[-1].flatten(1)
        assert coarse.sum(1).tolist() == [(coarse.shape[1] + 1) // 2] * len(layout)


@pytest.mark.parametrize('strategy, share', [('random', True), ('cutout', True), ('cutout', False), ('hvr', False)])
def test_sharing_between_the_domains_can_be_chosen(strategy, share):
    net, x = build(strategy=strategy, share_domains=share), images(8, (128, 128))
    maps = net.draw_groups(DomainBatch(4, 4), x).groups[0]
    assert torch.equal(maps[:4], maps[4:]) == share


def agree(fine, coarse):
    """Whether each coarse cell without a border inside has the value of its fine ones, and there are such cells."""
    step = fine.shape[1] // coarse.shape[1]
    cells = fine.unfold(1, step, step).unfold(2, step, step).flatten(3)
    whole = (cells == cells[..., :1]).all(3)
    return bool(whole.any() and (cells[..., 0] == coarse)[whole].all())


@pytest.mark.parametrize('strategy', STRATEGIES)
@pytest.mark.parametrize('share', [True, False])
def test_stages_share_a_draw_or_draw_apart(strategy, share):
    net, size = build(strategy=strategy, share_stages=share), (128, 128)
    label = torch.randint(0, 6, (6, 4, 4)).repeat_interleave(32, 1).repeat_interleave(32, 2)
    groups = net.draw_groups(DomainBatch(6, 6), images(12, size), label).groups
    assert [agree(maps, groups[-1]) for maps in groups[:-1]] == [share] * 3


def test_every_group_of_random_has_half_of_each_stages_keys():
    net, size = build(strategy='random'), (128, 128)
    for maps in net.draw_groups(DomainBatch(2, 2), images(4, size)).groups:
        assert (maps.double().mean((1, 2)) == 0.5).all()


def test_draws_follow_the_seed_and_differ_from_step_to_step():
    net, x, label = build(mha_prob=0.5), images(4), labels(2)
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws = [net.draw_groups(DomainBatch(2, 2), x, label) for _ in range(20)]
        runs.append([(d.hybrid, d.groups[0].flatten().tolist() if d.hybrid else None) for d in draws])
    assert runs[0] == runs[1] != runs[2]
    assert len({str(draw) for draw in runs[0]}) > 5


@pytest.mark.parametrize('probability', [0.0, 0.25, 1.0])
def test_mha_prob_is_the_share_of_hybrid_steps(probability):
    net, x = build(strategy='none', mha_prob=probability), images(2)
    share = sum(net.draw_groups(DomainBatch(1, 1), x).hybrid for _ in range(800)) / 800
    assert share == pytest.approx(probability, abs=0.05 * (0 < probability < 1))


def test_majority_and_nearest_group_other_keys():
    x, label = images(2, (128, 128)), torch.randint(0, 2, (1, 128, 128))
    outs = []
    for key_groups in ('nearest', 'majority'):
        net = build(key_groups=key_groups)
        torch.manual_seed(4)
        announce(net, DomainBatch(1, 1), x, label)
        outs.append(net(x)[0])
    assert not torch.allclose(*outs)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    'kwargs, text',
    [
        (dict(mha_stages=(0, 4)), r'mha_stages=\(0, 4\)'),
        (dict(mha_stages=(-1,)), r'mha_stages=\(-1,\)'),
        (dict(mha_stages=(1, 1)), r'mha_stages=\(1, 1\).*once'),
        (dict(strategy='chess'), "strategy='chess'.*semantic"),
        (dict(direction='sideways'), "'sideways'"),
        (dict(implementation='fast'), "'fast'"),
        (dict(key_groups='mean'), "'mean'.*majority"),
        (dict(intra_ratio=0.0), 'intra_ratio=0'),
        (dict(mha_prob=1.5), 'mha_prob=1.5'),
        (dict(mha_prob=-0.1), 'mha_prob=-0.1'),
        (dict(num_scattered=2), 'num_scattered=2.*scattered-semantic'),
        (dict(strategy='scattered-semantic', num_scattered=-1), 'num_scattered=-1'),
        (dict(strategy='semantic', share_domains=False), 'share_domains'),
    ],
)
def test_options_that_cannot_be_are_refused_when_the_network_is_built(kwargs, text):
    with pytest.raises(ValueError, match=text):
        build(**kwargs)


@pytest.mark.parametrize('strategy', ['semantic', 'scattered-semantic'])
def test_grouping_by_classes_needs_labels_and_the_others_do_not(strategy):
    net, x = build(strategy=strategy), images(2)
    with pytest.raises(ValueError, match=f'{strategy}.*label'):
        net.draw_groups(DomainBatch(1, 1), x)
    for other in ('random', 'hvh', 'hvr', 'cutout'):
        assert build(strategy=other).draw_groups(DomainBatch(1, 1), x).groups is not None


def test_training_without_a_layout_names_the_hook():
    net = build()
    bind_domain_context(net)
    with pytest.raises(RuntimeError, match=r'HybridAttention is training without a domain layout.*DomainContextHook'):
        net(images(2))


def test_groups_for_other_inputs_are_refused():
    net = build()
    announce(net, DomainBatch(1, 1), images(2), labels(1))
    with pytest.raises(ValueError, match=r'groups of shapes.*stage 0 works on \(2, 24, 16\)'):
        net(images(2, (96, 64)))


# --- once a step ------------------------------------------------------------------------------------------------------


def test_tokens_are_packed_once_a_step_for_all_layers(monkeypatch):
    from mmuda.functional import attention

    made = []
    plan = attention.plan_groups
    monkeypatch.setattr(attention, 'plan_groups', lambda *args: made.append(args) or plan(*args))
    net = build(implementation='gathered')
    x, label = images(2), labels(1)
    announce(net, DomainBatch(1, 1), x, label)
    run(net, x)
    assert len(made) == 1
    assert len(made[0][1]) == 4  # all stages together


def test_checkpointing_recomputes_under_the_layout_of_its_own_pass():
    """Two passes with two layouts before one backward pass."""
    results = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net = build(with_cp=with_cp)
        calls = []
        net.layers[0][1][0].attn.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        x, label = images(4), labels(2)
        loss = 0
        for layout in (DomainBatch(2, 2), DomainBatch(1, 3)):
            announce(net, layout, x, label[: layout.num_source])
            loss = loss + sum(out.square().sum() for out in net(x))
        loss.backward()
        assert len(calls) == (4 if with_cp else 2)
        results.append({name: p.grad for name, p in net.named_parameters()})
    torch.testing.assert_close(results[0], results[1])


def test_without_groups_that_the_strategy_asks_for_it_warns():
    net = build()
    x = images(2)
    bind_domain_context(net).set(DomainBatch(1, 1))
    with pytest.warns(UserWarning, match="strategy='semantic', but trains without groups"):
        net(x)
    announce(net, DomainBatch(1, 1), x, labels(1))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        net(x)


@pytest.mark.parametrize(
    'size, label_size, text',
    [
        ((16, 64), (16, 64), 'too few for a key in stage 0'),
        ((64, 64), (32, 40), r'\[32, 40\] for images of \[64, 64\]'),
    ],
)
def test_crops_that_cannot_be_grouped_are_refused(size, label_size, text):
    with pytest.raises(ValueError, match=text):
        build().draw_groups(DomainBatch(1, 1), images(2, size), labels(1, label_size))


def test_no_direction_is_a_plain_encoder_that_needs_no_layout():
    net = build(direction='none').train()
    assert kinds(net) == kinds(build(MixVisionTransformer))
    net(images(2))


def test_each_stage_draws_its_own_groups_on_its_own_grid():
    net = build(strategy='random', share_stages=False)
    maps = net.draw_groups(DomainBatch(1, 1), images(2, (128, 128))).groups
    assert [tuple(split.shape[1:]) for split in maps] == [(32, 32), (16, 16), (8, 8), (4, 4)]
    for split, ratio in zip(maps, (8, 4, 2, 1)):  # still agreeing with the keys
        cells = split.unfold(1, ratio, ratio).unfold(2, ratio, ratio).flatten(3)
        assert (cells.all(3) | ~cells.any(3)).all()
        assert cells[..., 0].flatten(1).sum(1).tolist() == [8, 8]
    assert not torch.equal(maps[2][:, ::2, ::2], maps[3])
