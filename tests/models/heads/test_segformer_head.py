"""`SegformerHead` computes mmseg's head: outputs and gradients agree in float64."""

import pytest
import torch

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmseg.models.decode_heads import SegformerHead as MMSegHead

from mmuda.models.heads import SegformerHead
from mmuda.registry import MODELS

WIDTHS = [4, 6, 8, 10]


def config(**kwargs):
    return dict(
        in_channels=WIDTHS,
        in_index=[0, 1, 2, 3],
        channels=12,
        num_classes=5,
        **{'norm_cfg': dict(type='BN'), 'dropout_ratio': 0.0, **kwargs},
    )


def levels(size=(16, 24)):
    torch.manual_seed(1)
    shapes = [(size[0] // 2**i, size[1] // 2**i) for i in range(4)]
    return [torch.randn(2, c, *s, dtype=torch.float64) for c, s in zip(WIDTHS, shapes)]


def pair(**kwargs):
    torch.manual_seed(0)
    host, ours = MMSegHead(**config(**kwargs)).double(), SegformerHead(**config(**kwargs)).double()
    ours.load_state_dict(host.state_dict())
    return ours, host


def run(head, inputs):
    inputs = [x.clone().requires_grad_() for x in inputs]
    out = head(inputs)
    (out * out.cos()).sum().backward()
    grads = {name: p.grad for name, p in head.named_parameters()}
    return out, [x.grad for x in inputs], grads, dict(head.named_buffers())


def test_state_dict_is_mmsegs():
    ours, host = pair()
    assert list(ours.state_dict()) == list(host.state_dict())


@pytest.mark.parametrize(
    'kwargs',
    [
        dict(),
        dict(norm_cfg=None),
        dict(interpolate_mode='bicubic'),
        dict(align_corners=True),
        dict(act_cfg=dict(type='GELU')),
    ],
)
def test_outputs_gradients_and_statistics_are_mmsegs(kwargs):
    ours, host = pair(**kwargs)
    torch.testing.assert_close(run(ours, levels()), run(host, levels()), atol=1e-10, rtol=1e-8)


def test_odd_sizes_and_eval():
    ours, host = pair()
    inputs = [x[..., :-1] for x in levels((20, 36))]
    torch.testing.assert_close(ours.eval()(inputs), host.eval()(inputs))


def test_float32_error_is_rounding_only():
    ours, host = pair()
    exact = host(levels())
    single = ours.float()([x.float() for x in levels()])
    assert (single.double() - exact).abs().max() < 1e-5


def test_bfloat16_autocast_trains():
    head = SegformerHead(**config())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = head([x.float() for x in levels()])
    assert out.dtype == torch.bfloat16
    out.float().square().mean().backward()
    assert all(p.grad.isfinite().all() for p in head.parameters())


def test_registered():
    assert isinstance(MODELS.build(dict(type='mmuda.SegformerHead', **config())), MMSegHead)
