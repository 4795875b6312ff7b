"""`MixVisionTransformer` is mmseg's network: same parameters, outputs and gradients."""

import pytest
import torch

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmseg.models.backbones import MixVisionTransformer as MMSegMiT

from mmuda.models.backbones import MixVisionTransformer
from mmuda.models.layers import EfficientAttention
from mmuda.registry import MODELS

TINY = dict(embed_dims=8, num_layers=[1, 2, 1, 1], num_heads=[1, 2, 5, 8])


def pair(**kwargs):
    """Ours and mmseg's with the same random parameters (biases too), in float64."""
    torch.manual_seed(0)
    host = MMSegMiT(**TINY, **kwargs).double()
    for param in host.parameters():
        torch.nn.init.normal_(param, std=0.3)
    ours = MixVisionTransformer(**TINY, **kwargs).double()
    ours.load_state_dict(host.state_dict())
    return ours, host


def run(net, x):
    """Outputs, input gradient and parameter gradients of a scalar that uses every output."""
    x = x.clone().requires_grad_()
    outs = net(x)
    sum((out * out.cos()).sum() for out in outs).backward()
    return outs, x.grad, {name: p.grad for name, p in net.named_parameters()}


def test_state_dict_is_mmsegs_in_names_and_order():
    ours, host = pair()
    assert list(ours.state_dict()) == list(host.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in host.named_parameters()]
    assert 'layers.1.1.0.attn.attn.in_proj_weight' in ours.state_dict()


@pytest.mark.parametrize('size', [(64, 64), (72, 40)])
@pytest.mark.parametrize('qkv_bias', [True, False])
def test_outputs_and_gradients_are_mmsegs(size, qkv_bias):
    ours, host = pair(qkv_bias=qkv_bias)
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    (outs, grad, grads), (outs_host, grad_host, grads_host) = run(ours, x), run(host, x)
    torch.testing.assert_close(list(outs), list(outs_host))
    torch.testing.assert_close(grad, grad_host)
    torch.testing.assert_close(grads, grads_host)


@pytest.mark.parametrize('autocast', [False, True])
def test_eval_output_is_mmsegs_to_the_bit(autocast):
    ours, host = pair(drop_path_rate=0.1, attn_drop_rate=0.2)
    ours, host = ours.float().eval(), host.float().eval()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16, enabled=autocast):
        x = torch.randn(3, 3, 72, 96)
        assert all(torch.equal(a, b) for a, b in zip(ours(x), host(x)))


def test_attention_for_exported_graphs_is_the_same_up_to_rounding():
    net, x = pair(attn_drop_rate=0.5)[0].eval(), torch.randn(3, 3, 72, 96, dtype=torch.float64)
    with torch.no_grad():
        exact = net(x)
        for module in net.modules():
            if isinstance(module, EfficientAttention):
                module.exact = False
        torch.testing.assert_close(net(x), exact)


def test_attention_dropout_is_active_in_training_only():
    ours, _ = pair(attn_drop_rate=0.5)
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    assert not torch.equal(ours(x)[0], ours(x)[0])
    ours.eval()
    assert torch.equal(ours(x)[0], ours(x)[0])


def test_checkpointing_changes_nothing():
    plain, _ = pair(drop_path_rate=0.3)
    lean = MixVisionTransformer(**TINY, drop_path_rate=0.3, with_cp=True).double()
    lean.load_state_dict(plain.state_dict())
    x = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    results = []
    for net in (plain, lean):
        torch.manual_seed(3)
        results.append(run(net, x))
    torch.testing.assert_close(results[0], results[1], rtol=0, atol=0)


def test_bfloat16_autocast_trains():
    ours, _ = pair()
    ours = ours.float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        outs = ours(torch.randn(2, 3, 64, 64))
        loss = sum(out.float().square().mean() for out in outs)
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())


def test_no_attention_weights_are_kept_for_the_backward():
    ours, host = pair()
    x = torch.randn(1, 3, 128, 128, dtype=torch.float64)
    tokens, keys = 32 * 32, 4 * 4
    saved = []
    ours.train(), host.train()

    def pack(tensor):
        saved.append(tensor.shape)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        host(x)
        mmseg_saves = any(shape[-2:] == (tokens, keys) for shape in saved)
        saved.clear()
        ours(x)
    assert mmseg_saves
    assert not any(shape[-2:] == (tokens, keys) for shape in saved)


def test_a_subclass_replaces_the_attention_of_a_stage():
    class Probe(MixVisionTransformer):
        def build_attention(self, stage, host):
            return torch.nn.Identity() if stage == 2 else super().build_attention(stage, host)

    kinds = [type(blocks[0].attn).__name__ for _, blocks, _ in Probe(**TINY).layers]
    assert kinds == ['EfficientAttention', 'EfficientAttention', 'Identity', 'EfficientAttention']


def test_registered():
    assert isinstance(MODELS.build(dict(type='mmuda.MixVisionTransformer', **TINY)), MMSegMiT)
