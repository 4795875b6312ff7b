"""Plain vision transformers: mmpretrain's outside training; mask token and hybrid attention in training."""

import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import DefaultScope
from torch import nn

from mmuda import compat

pytest.importorskip('mmpretrain')
compat.apply()

from mmpretrain.models.backbones import VisionTransformer as MMPretrainViT
from mmseg.structures import SegDataSample

from mmuda.apis import load_config
from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.backbones.mha_vit import MHAVisionTransformer
from mmuda.models.backbones.vit import VisionTransformer
from mmuda.models.views import TokenMask, View
from mmuda.registry import MODELS

PATCH, GRID = 4, (4, 6)
TINY = dict(
    arch=dict(embed_dims=8, num_layers=3, num_heads=2, feedforward_channels=16),
    img_size=16,
    patch_size=PATCH,
    layer_scale_init_value=0.5,
    out_indices=[1, 2],
    out_type='featmap',
)


def build(kind=MHAVisionTransformer, training=True, **kwargs):
    """A tiny network in float64, the same random parameters (biases too) for every kind."""
    net = kind(**(TINY | kwargs)).double()
    net.train(training)
    torch.manual_seed(0)
    for name, param in net.named_parameters():
        if 'mask_token' not in name:
            nn.init.normal_(param, std=0.3)
    return net


def images(batch):
    return torch.randn(batch, 3, GRID[0] * PATCH, GRID[1] * PATCH, dtype=torch.float64)


def labels(batch):
    return torch.randint(0, 4, (batch, *GRID)).repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)


def announce(net, layout, x, label=None):
    context = bind_domain_context(net)
    context.set(net.draw_groups(layout, x, label))
    return context.batch


@pytest.mark.parametrize('kind', [VisionTransformer, MHAVisionTransformer])
def test_state_dict_and_evaluation_are_mmpretrains_to_the_last_bit(kind):
    ours, host = (build(net, False, drop_path_rate=0.1) for net in (kind, MMPretrainViT))
    assert list(ours.state_dict()) == list(host.state_dict())
    x = images(2)
    bind_domain_context(ours).set(DomainBatch(5, 6))
    assert all(torch.equal(*pair) for pair in zip(ours(x), host(x), strict=True))


def test_the_type_of_a_config_is_built_when_it_is_asked_for():
    for kind in (VisionTransformer, MHAVisionTransformer):
        assert type(MODELS.build(dict(type=f'mmuda.{kind.__name__}', **TINY))) is kind


@pytest.mark.parametrize('options', [dict(direction='none'), dict(mha_layers=()), dict(mha_prob=0.0)])
def test_switched_off_it_trains_as_the_plain_network(options):
    ours, host, x = build(**options), build(MMPretrainViT), images(2)
    announce(ours, DomainBatch(1, 1), x, labels(1))
    for one, other in zip(ours(x), host(x), strict=True):
        torch.testing.assert_close(one, other)


def attention(layer, x, layout, maps, ratio, direction):
    """STCT's Eqs. 3 to 7, one image and one token at a time; the class token is in both groups."""
    q, k, v = layer.qkv(x).chunk(3, -1)
    out, dim = torch.zeros_like(q), q.shape[-1] // layer.num_heads
    groups = maps.flatten(1).int()
    for image in range(len(x)):
        is_source = image < layout.num_source
        partner = layout.num_source + image if is_source else image - layout.num_source
        seen = [(image, 0.0)]
        if direction == 'both' or (direction == 's2t') == is_source:
            seen = [(image, math.log(ratio)), (partner, math.log(1 - ratio))]
        for token in range(x.shape[1]):
            keys, values, bias = [], [], []
            for other, value in seen:
                every = torch.ones(x.shape[1], dtype=torch.bool)
                if token:
                    every[1:] = groups[other] == groups[image, token - 1]
                keys.append(k[other, every])
                values.append(v[other, every])
                bias += [value] * int(every.sum())
            for head in range(layer.num_heads):
                part = slice(head * dim, (head + 1) * dim)
                logits = torch.cat(keys)[:, part] @ q[image, token, part] / math.sqrt(dim) + torch.tensor(bias)
                out[image, token, part] = logits.softmax(0) @ torch.cat(values)[:, part]
    return layer.gamma1(layer.proj(out))


@pytest.mark.parametrize('direction, ratio', [('both', 0.5), ('both', 0.3), ('s2t', 0.5), ('t2s', 0.3)])
@pytest.mark.parametrize('strategy', ['semantic', 'random'])
def test_a_training_pass_is_a_loop_over_images_tokens_and_heads(direction, ratio, strategy):
    net, x = build(direction=direction, intra_ratio=ratio, strategy=strategy), images(4)
    layout = announce(net, DomainBatch(2, 2), x, labels(2))
    assert layout.groups[0].shape == (4, *GRID)
    assert 0 < layout.groups[0].double().mean() < 1
    outs = net(x)
    expected = build(MMPretrainViT)
    for ours, theirs in zip(net.layers, expected.layers, strict=True):
        theirs.attn.forward = lambda tokens, layer=ours.attn: attention(
            layer, tokens, layout, layout.groups[0], ratio, direction
        )
    for one, other in zip(outs, expected(x), strict=True):
        torch.testing.assert_close(one, other)
    sum(out.sum() for out in outs).backward()
    assert all(p.grad is not None for p in net.parameters())


@pytest.mark.parametrize('kind', [VisionTransformer, MHAVisionTransformer])
def test_a_hidden_patch_has_the_mask_token_and_a_position_in_training_only(kind):
    net = build(
        kind, mask_token=True, **(dict(strategy='none', direction='none') if kind is MHAVisionTransformer else {})
    )
    nn.init.normal_(net.patch_embed.mask_token)
    x = images(1)
    x[:, :, :PATCH, PATCH : 2 * PATCH] = 0
    tokens, grid = net.patch_embed(x)
    net.eval()
    plain, _ = net.patch_embed(x)
    net.train()
    assert grid == GRID
    assert torch.equal(tokens[0, 1], net.patch_embed.mask_token[0, 0])
    assert torch.equal(plain[0, 1], net.patch_embed.projection.bias)
    others = [i for i in range(tokens.shape[1]) if i != 1]
    assert torch.equal(tokens[:, others], plain[:, others])
    net(x)[0].sum().backward()
    assert net.patch_embed.mask_token.grad.abs().sum() > 0


def test_the_maker_of_hidden_tokens_hides_what_the_encoder_finds():
    torch.manual_seed(1)
    net = build(VisionTransformer, mask_token=True)
    nn.init.constant_(net.patch_embed.mask_token, 7.0)
    hidden = TokenMask(ratio=0.5, patch=PATCH)(dict(target=View(images(3))), norm=None).inputs
    found = (net.patch_embed(hidden)[0] == 7).all(-1)
    blocks = hidden.unflatten(3, (-1, PATCH)).unflatten(2, (-1, PATCH))  # [B, 3, h, P, w, P]
    assert torch.equal(found, (blocks == 0).all(5).all(3).all(1).flatten(1))
    assert 0 < found.double().mean() < 1


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r'mha_layers=\(3,\): name each of its layers 0 to 2'):
        build(mha_layers=(3,))
    net = build()
    announce(net, DomainBatch(1, 1), images(2), labels(1))
    with pytest.raises(ValueError, match=r'groups for \[2, 25\] images and tokens, but the layer works on \[2, 17\]'):
        net(images(2)[..., :16])


@pytest.mark.parametrize('kind', [VisionTransformer, MHAVisionTransformer])
def test_maps_that_cover_more_than_the_image_are_said(kind):
    """Once, whatever sizes follow; a graph is of other sizes than that of the image that it is made with."""
    net = build(kind, training=False)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('default')
        for size in (15, 14, 13):
            net(images(1)[:, :, :size])
    (text,) = (str(one.message) for one in said if 'patches' in str(one.message))
    assert 'patches of 4×4 pixels, and images are no whole number' in text
    assert 'size_divisor=4' in text
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        torch.jit.trace(net, images(1)[:, :, :15], check_trace=False)
    assert not [one for one in said if one.filename == VisionTransformer.forward.__code__.co_filename]
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        net(images(1))
        build(kind, training=False, out_type='cls_token')(images(1)[:, :, :15])


@pytest.mark.parametrize('leaf', ['vfm_uda/vfm-uda_vit_toy', 'vfm_uda/vfm-uda_dinov2-b_gta2cs'])
def test_an_image_of_no_whole_patches_is_predicted_as_if_padded(leaf):
    student = load_config(f'configs/{leaf}.py').model.student
    patch = student.backbone.patch_size
    student.backbone.update(arch=TINY['arch'], img_size=4 * patch, init_cfg=None)
    student.decode_head.update(in_channels=TINY['arch']['embed_dims'])
    student.test_cfg = dict(mode='whole')
    with DefaultScope.overwrite_default_scope('mmseg'):
        net = MODELS.build(student).eval()
    nn.init.normal_(net.decode_head.conv_seg.weight)
    image = torch.randint(0, 256, (3, 3 * patch - 5, 4 * patch - 1), dtype=torch.uint8)
    size = tuple(image.shape[1:])
    sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('error')
        (found,) = net.test_step(dict(inputs=[image], data_samples=[sample]))
        normal = (image[[2, 1, 0]].float() - net.data_preprocessor.mean) / net.data_preprocessor.std
        whole = net.encode_decode(F.pad(normal, (0, 1, 0, 5))[None], [dict(img_shape=(3 * patch, 4 * patch))])
    torch.testing.assert_close(found.seg_logits.data, whole[0, :, :-5, :-1])
