"""Converted state dicts give the features of a forward pass re-typed for the foreign layout."""

import pytest
import torch
import torch.nn.functional as F

from mmuda import compat

pytest.importorskip('mmseg')
compat.apply()

from mmseg.models.backbones import MobileNetV2

from mmuda.models.backbones import MixVisionTransformer
from mmuda.models.backbones.key_mapping import (
    mit_from_official,
    mobilenet_v2_from_torchvision,
)

SETTINGS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # expansion, channels, blocks, stride


class TorchvisionMobileNet:
    """Random weights in torchvision's names, and the network's features from them."""

    def __init__(self):
        self.state = {'classifier.1.weight': torch.randn(10, 1280)}
        self.steps = []  # (prefix of the convolution, prefix of the norm, stride, groups, relu6)
        self.blocks = []  # number of steps, residual, last of its layer
        self._step('features.0.0', 'features.0.1', 3, 32, 3, stride=2)
        width, index = 32, 1
        for expansion, channels, depth, stride in SETTINGS:
            for block in range(depth):
                self._block(
                    f'features.{index}.conv',
                    width,
                    channels,
                    expansion,
                    stride if block == 0 else 1,
                    block == depth - 1,
                )
                width, index = channels, index + 1
        self._step('features.18.0', 'features.18.1', 320, 1280, 1)

    def _block(self, name, width, channels, expansion, stride, last):
        hidden = width * expansion
        before = len(self.steps)
        if expansion > 1:
            self._step(f'{name}.0.0', f'{name}.0.1', width, hidden, 1)
        at = int(expansion > 1)
        self._step(f'{name}.{at}.0', f'{name}.{at}.1', hidden, hidden, 3, stride, groups=hidden)
        self._step(f'{name}.{at + 1}', f'{name}.{at + 2}', hidden, channels, 1, relu=False)
        self.blocks.append((len(self.steps) - before, stride == 1 and width == channels, last))

    def _step(self, conv, norm, inputs, outputs, kernel, stride=1, groups=1, relu=True):
        std = (2 / (inputs // groups * kernel**2)) ** 0.5
        self.state |= {
            f'{conv}.weight': std * torch.randn(outputs, inputs // groups, kernel, kernel),
            f'{norm}.weight': torch.rand(outputs) + 0.5,
            f'{norm}.bias': torch.randn(outputs) / 5,
            f'{norm}.running_mean': torch.randn(outputs) / 5,
            f'{norm}.running_var': torch.rand(outputs) + 0.5,
            f'{norm}.num_batches_tracked': torch.tensor(1),
        }
        self.steps.append((conv, norm, stride, groups, relu))

    def features(self, x):
        """The output of the last block of each of the seven layers."""
        steps, outs = iter(self.steps), []
        x = self._run(next(steps), x)
        for count, residual, last in self.blocks:
            y = x
            for _ in range(count):
                y = self._run(next(steps), y)
            x = x + y if residual else y
            outs += [x] if last else []
        return outs

    def _run(self, step, x):
        conv, norm, stride, groups, relu = step
        p = self.state
        x = F.conv2d(x, p[f'{conv}.weight'], stride=stride, groups=groups, padding=p[f'{conv}.weight'].shape[-1] // 2)
        x = F.batch_norm(x, p[f'{norm}.running_mean'], p[f'{norm}.running_var'], p[f'{norm}.weight'], p[f'{norm}.bias'])
        return F.relu6(x) if relu else x


def official_mit(net):
    """The state dict of `net` (ours) in the released names, `q` and `kv` apart, plus a classifier."""
    state = {'head.weight': torch.zeros(2, 2), 'head.bias': torch.zeros(2)}
    for i, (embed, blocks, norm) in enumerate(net.layers, start=1):
        parts = {f'patch_embed{i}.proj': embed.projection, f'patch_embed{i}.norm': embed.norm, f'norm{i}': norm}
        for j, block in enumerate(blocks):
            name, attention, ffn = f'block{i}.{j}', block.attn, block.ffn.layers
            channels = attention.attn.embed_dim
            for kind in ('weight', 'bias'):
                packed = getattr(attention.attn, f'in_proj_{kind}')
                state[f'{name}.attn.q.{kind}'] = packed[:channels]
                state[f'{name}.attn.kv.{kind}'] = packed[channels:]
            state[f'{name}.mlp.fc1.weight'] = ffn[0].weight.flatten(1)
            state[f'{name}.mlp.fc1.bias'] = ffn[0].bias
            state[f'{name}.mlp.fc2.weight'] = ffn[4].weight.flatten(1)
            state[f'{name}.mlp.fc2.bias'] = ffn[4].bias
            parts |= {
                f'{name}.norm1': block.norm1,
                f'{name}.norm2': block.norm2,
                f'{name}.attn.proj': attention.attn.out_proj,
                f'{name}.mlp.dwconv.dwconv': ffn[1],
            }
            if attention.sr_ratio > 1:
                parts |= {f'{name}.attn.sr': attention.sr, f'{name}.attn.norm': attention.norm}
        state |= {
            f'{name}.{kind}': value for name, module in parts.items() for kind, value in module.state_dict().items()
        }
    return state


def official_attention(state, name, x, hw, heads, ratio):
    """Attention of one block as the release computes it: q and kv are separate linear maps."""
    batch, tokens, channels = x.shape
    q = F.linear(x, state[f'{name}.q.weight'], state[f'{name}.q.bias'])
    source = x
    if ratio > 1:
        grid = x.transpose(1, 2).reshape(batch, channels, *hw)
        source = F.conv2d(grid, state[f'{name}.sr.weight'], state[f'{name}.sr.bias'], stride=ratio)
        source = F.layer_norm(
            source.flatten(2).transpose(1, 2),
            (channels,),
            state[f'{name}.norm.weight'],
            state[f'{name}.norm.bias'],
            1e-6,
        )
    kv = F.linear(source, state[f'{name}.kv.weight'], state[f'{name}.kv.bias'])
    k, v = kv.reshape(batch, -1, 2, heads, channels // heads).permute(2, 0, 3, 1, 4)
    q = q.reshape(batch, tokens, heads, channels // heads).transpose(1, 2)
    weights = (q @ k.transpose(-2, -1) * (channels // heads) ** -0.5).softmax(-1)
    out = (weights @ v).transpose(1, 2).reshape(batch, tokens, channels)
    return F.linear(out, state[f'{name}.proj.weight'], state[f'{name}.proj.bias'])


def test_converted_mobilenet_gives_torchvisions_features():
    torch.manual_seed(0)
    reference = TorchvisionMobileNet()
    net = MobileNetV2(out_indices=range(7))
    net.eval()
    net.load_state_dict(mobilenet_v2_from_torchvision(reference.state), strict=True)
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(list(net(x)), reference.features(x))


def test_mmpretrains_mobilenet_has_the_last_convolution_as_well():
    pytest.importorskip('torchvision')
    from mmpretrain.models.backbones import MobileNetV2 as Classifier

    reference = TorchvisionMobileNet()
    net = Classifier(out_indices=(6, 7))
    net.eval()
    net.load_state_dict(mobilenet_v2_from_torchvision(reference.state, last_conv=True), strict=True)
    x = torch.randn(2, 3, 64, 96)
    last = reference.features(x)[-1]
    with torch.no_grad():
        torch.testing.assert_close(list(net(x)), [last, reference._run(reference.steps[-1], last)])


def test_mobilenet_needs_every_module():
    state = TorchvisionMobileNet().state
    state = {k: v for k, v in state.items() if not k.startswith('features.4.conv.3')}
    with pytest.raises(KeyError, match=r"'features\.4\.conv\.3' of torchvision's .* is missing"):
        mobilenet_v2_from_torchvision(state)


def test_mobilenet_refuses_an_unknown_key():
    state = TorchvisionMobileNet().state | {'backbone.extra.weight': torch.zeros(1)}
    with pytest.raises(KeyError, match=r"'backbone\.extra\.weight' is no part of torchvision's"):
        mobilenet_v2_from_torchvision(state)


@pytest.fixture
def tiny_mit():
    torch.manual_seed(0)
    net = MixVisionTransformer(embed_dims=8, num_layers=[1, 2, 1, 1], num_heads=[1, 2, 5, 8])
    for param in net.parameters():
        torch.nn.init.normal_(param, std=0.3)
    return net.eval()


def test_released_mit_round_trip(tiny_mit):
    converted = mit_from_official(official_mit(tiny_mit))
    assert converted.keys() == tiny_mit.state_dict().keys()
    torch.testing.assert_close(converted, dict(tiny_mit.state_dict()), rtol=0, atol=0)


@pytest.mark.parametrize('stage, ratio', [(0, 8), (1, 4), (2, 2), (3, 1)])
def test_attention_is_that_of_the_release(tiny_mit, stage, ratio):
    state, net = official_mit(tiny_mit), tiny_mit
    net.load_state_dict(mit_from_official(state), strict=True)
    attention = net.layers[stage][1][0].attn
    x = torch.randn(2, 16 * 24, attention.attn.embed_dim)
    expected = official_attention(state, f'block{stage + 1}.0.attn', x, (16, 24), attention.num_heads, ratio)
    with torch.no_grad():
        torch.testing.assert_close(attention(x, (16, 24)) - x, expected, atol=1e-4, rtol=1e-4)


def test_mit_refuses_an_unknown_key(tiny_mit):
    state = official_mit(tiny_mit) | {'layers.0.0.projection.weight': torch.zeros(1)}
    with pytest.raises(KeyError, match=r'is no part of the MiT encoder as released'):
        mit_from_official(state)


def test_mit_refuses_a_query_without_keys(tiny_mit):
    state = official_mit(tiny_mit)
    del state['block2.1.attn.kv.weight']
    with pytest.raises(KeyError, match=r"but not 'block2\.1\.attn\.kv\.weight'"):
        mit_from_official(state)
