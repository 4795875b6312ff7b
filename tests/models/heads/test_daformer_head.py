"""`DAFormerHead`: its plain formulas, the composed branch, layout and parameter counts."""

import pytest
import torch
import torch.nn.functional as F

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmuda.models.heads import DAFormerHead
from mmuda.models.layers import AtrousConv2d
from mmuda.registry import MODELS

WIDTHS = [4, 6, 8, 10]


def build(**kwargs):
    torch.manual_seed(0)
    defaults = dict(norm_cfg=dict(type='BN'), dropout_ratio=0.0, channels=12, embed_dims=7)
    return DAFormerHead(WIDTHS, [0, 1, 2, 3], num_classes=5, **{**defaults, **kwargs}).double()


def levels(size=(16, 24)):
    torch.manual_seed(1)
    shapes = [(size[0] // 2**i, size[1] // 2**i) for i in range(4)]
    return [torch.randn(2, c, *s, dtype=torch.float64) for c, s in zip(WIDTHS, shapes)]


def run(head, inputs):
    inputs = [x.clone().requires_grad_() for x in inputs]
    out = head(inputs)
    (out * out.cos()).sum().backward()
    return out, [x.grad for x in inputs], {name: p.grad for name, p in head.named_parameters()}


def formula(head, inputs):
    """The head re-typed from the paper on the bare parameters, without norm layers."""
    p = dict(head.named_parameters())
    size = inputs[0].shape[2:]
    embedded = torch.cat(
        [
            F.interpolate(
                F.conv2d(x, p[f'embeds.{i}.weight'], p[f'embeds.{i}.bias']), size, mode='bilinear', align_corners=False
            )
            for i, x in enumerate(inputs)
        ],
        1,
    )
    outs = [F.conv2d(embedded, p['aspp.0.conv.weight'], p['aspp.0.conv.bias']).relu()]
    for i, dilation in ((1, 6), (2, 12), (3, 18)):
        depth, point = (f'aspp.{i}.{kind}_conv.conv' for kind in ('depthwise', 'pointwise'))
        x = F.conv2d(
            embedded,
            p[f'{depth}.weight'],
            p[f'{depth}.bias'],
            padding=dilation,
            dilation=dilation,
            groups=embedded.shape[1],
        ).relu()
        outs.append(F.conv2d(x, p[f'{point}.weight'], p[f'{point}.bias']).relu())
    out = F.conv2d(torch.cat(outs, 1), p['bottleneck.conv.weight'], p['bottleneck.conv.bias'], padding=1).relu()
    return F.conv2d(out, p['conv_seg.weight'], p['conv_seg.bias'])


@pytest.mark.parametrize('compose', [True, False])
def test_output_is_the_papers_formula(compose):
    head = build(norm_cfg=None, compose=compose)
    for param in head.parameters():
        torch.nn.init.normal_(param, std=0.3)
    torch.testing.assert_close(head(levels()), formula(head, levels()))


@pytest.mark.parametrize(
    'kwargs', [dict(), dict(norm_cfg=None), dict(align_corners=True), dict(dilations=(1, 3)), dict(dilations=(2, 4))]
)
def test_composition_changes_neither_outputs_nor_gradients(kwargs):
    composed, plain = build(**kwargs), build(compose=False, **kwargs)
    plain.load_state_dict(composed.state_dict())
    torch.testing.assert_close(run(composed, levels()), run(plain, levels()), atol=1e-9, rtol=1e-7)
    torch.testing.assert_close(dict(composed.named_buffers()), dict(plain.named_buffers()))


def test_memory_format_of_the_input_changes_nothing_and_the_aspp_has_that_of_its_convolutions():
    head = build()
    seen = []
    layout = torch.channels_last  # on a CPU
    head.aspp[1].register_forward_pre_hook(lambda _, args: seen.append(args[0].is_contiguous(memory_format=layout)))
    transposed = [x.contiguous(memory_format=torch.channels_last) for x in levels()]
    assert not transposed[0].is_contiguous()
    torch.testing.assert_close(head(transposed), head(levels()))
    assert seen == [True, True]
    layout = torch.contiguous_format  # of a graph, which may run elsewhere
    torch.testing.assert_close(torch.jit.trace(head.eval(), [levels()], check_trace=False)(levels()), head(levels()))
    assert seen == [True, True, True, False]


def test_its_depth_wise_convolutions_work_by_sub_grids():
    head = build()
    convs = [branch.depthwise_conv.conv for branch in head.aspp if hasattr(branch, 'depthwise_conv')]
    assert [type(conv) for conv in convs] == [AtrousConv2d] * 3
    assert all(conv.splits for conv in convs)


@pytest.mark.parametrize('widths, count', [([64, 128, 320, 512], 3_712_275), ([32, 64, 160, 256], 3_581_203)])
def test_parameter_count(widths, count):
    with torch.device('meta'):
        head = DAFormerHead(widths, [0, 1, 2, 3], num_classes=19, norm_cfg=dict(type='BN'))
    assert sum(p.numel() for p in head.parameters()) == count


def test_bfloat16_autocast_trains():
    head = build().float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = head([x.float() for x in levels()])
    assert out.dtype == torch.bfloat16
    assert out.shape == (2, 5, 16, 24)
    out.float().square().mean().backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_registered():
    head = MODELS.build(dict(type='mmuda.DAFormerHead', in_channels=WIDTHS, in_index=[0, 1, 2, 3], num_classes=5))
    assert isinstance(head, DAFormerHead)
    assert head.embed_dims == 256
