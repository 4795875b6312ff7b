"""A network as one file: every encoder and head of the leaves, in both formats; and what a user gets wrong."""

import json
import re
import sys

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmuda import compat
from mmuda.apis import UDAInferencer, UserError, load_config
from mmuda.apis.export import FORMATS, OPSET, export
from mmuda.apis.export.check import TOLERANCE, Case, check, make_cases
from mmuda.apis.export.graph import ScoreGraph, portable
from mmuda.models.layers import TwoDomainNorm, convert_norm
from mmuda.registry import MODELS

pytest.importorskip('mmseg')
compat.apply()

TINY_MIT = {
    'model.backbone.embed_dims': 8,
    'model.backbone.num_layers': [1, 1, 1, 1],
    'model.backbone.num_heads': [1, 2, 2, 4],
    'model.backbone.mlp_ratio': 2,
}
TINY_SEGFORMER = TINY_MIT | {'model.decode_head.in_channels': [8, 16, 16, 32], 'model.decode_head.channels': 16}
TINY_DAFORMER = TINY_SEGFORMER | {'model.decode_head.embed_dims': 16}
TINY_HRDA = TINY_MIT | {
    f'model.decode_head.{part}.{key}': value
    for part in ('head', 'attention')
    for key, value in dict(in_channels=[8, 16, 16, 32], channels=16, embed_dims=16).items()
}
WINDOWS = {'model.detail_crop': (64, 64), 'model.detail_stride': (64, 64)}
SIDES = dict(
    lenet_digits=(1, 28), cnn2_digits=(1, 28), dida_cnn2_digits=(1, 28), cnn3_digits=(3, 32), dtn_digits=(3, 32)
)
SMALL = [  # base model, options, norms
    ('segformer_mit-b0', TINY_SEGFORMER | {'model.backbone.type': 'mmuda.MHAMixVisionTransformer'}, 'TransNorm'),
    ('daformer_mit-b5', TINY_DAFORMER, 'DomainSpecificBatchNorm'),
    ('hrda_mit-b5', TINY_HRDA | WINDOWS, 'BN'),
    ('lenet_digits', {}, 'BN'),
    ('dtn_digits', {}, 'AutoDIAL'),
    ('dida_cnn2_digits', {}, 'AdaBN'),
    ('dida_wrn-28-2_cifar10', {'model.backbone.depth': 10}, 'TransNorm'),
]
LARGE = [
    ('segformer_efficientnet-lite0', {}, 'BN'),
    ('segformer_mit-b0', {}, 'BN'),
    ('segformer_mobilenet-v2', {}, 'TransNorm'),
    ('deeplabv3plus_mobilenet-v2', {}, 'BN'),
    ('resnet18', {}, 'BN'),
    ('deeplabv2_r101', {'model.backbone.depth': 50}, 'BN'),
    ('deeplabv3plus_r50', {}, 'TransNorm'),
    ('hrda_deeplabv2_r101', {'model.backbone.depth': 50} | WINDOWS, 'BN'),
    ('vfm-uda_dinov2', {'dinov2': 's'}, 'BN'),
    ('cnn3_digits', {}, 'BN'),
    ('dida-mixstyle_cnn3_digits', {}, 'BN'),
    ('dida-every-stage_resnet18', {}, 'BN'),
    ('dida_resnet50', {}, 'TransNorm'),
    ('dida-mixstyle_resnet50', {}, 'BN'),
    ('dida_mobilenet-v2_bottleneck', {}, 'BN'),
    ('inception-bn_bottleneck', {}, 'TransNorm'),
    ('resnet50_mdd', {}, 'BN'),
    ('resnet50_bottleneck', {}, 'BN'),
    ('wrn-28-2_cifar10', {}, 'BN'),
]
SAME_PARTS = {  # as a network above, deeper or with less
    *('deeplabv3plus_r101', 'resnet50', 'resnet101', 'resnet101_bottleneck', 'mobilenet-v2_bottleneck'),
    *('dida_resnet18', 'dida_resnet101', 'dida_cnn3_digits', 'dida-mixstyle_cnn2_digits', 'cnn2_digits'),
    'efficientnet-lite0_bottleneck',
}
CASES = [
    *(pytest.param(*case, id=f'{case[0]}-{case[2]}') for case in SMALL),
    *(pytest.param(*case, id=f'{case[0]}-{case[2]}', marks=pytest.mark.slow) for case in LARGE),
]


def prepared(net: nn.Module, image: torch.Tensor) -> ScoreGraph:
    """With the running statistics of real passes, other ones for each domain."""
    graph = ScoreGraph(net)
    for norm in net.modules():
        if isinstance(norm, _BatchNorm):
            norm.momentum = None
            norm.train()
    with torch.no_grad():
        graph(torch.randn(6, *image.shape[1:]))
    for norm in net.modules():
        if isinstance(norm, _BatchNorm):
            norm.running_var.clamp_(min=0.1)  # a random network would let rounding grow
    net.eval()
    return graph


def spread(net: nn.Module) -> None:
    """Statistics and affine maps of two-domain norms away from their first values."""
    for norm in net.modules():
        if isinstance(norm, TwoDomainNorm):
            for domain in ('source', 'target'):
                mean, var = norm.running_moments(domain)
                mean.add_(0.1 * torch.randn_like(mean))
                var.mul_(torch.empty_like(var).uniform_(0.8, 1.2))


@pytest.mark.parametrize('name, options, norm', CASES)
def test_every_network_keeps_its_logits(repo, name, options, norm):
    """Of one image, of several, and of another size where its kind takes some; no norm stands behind a convolution."""
    if 'efficientnet' in name:
        pytest.importorskip('timm')
    net = MODELS.build(load_config(repo / f'configs/_base_/models/{name}.py', options).model)
    net.eval()
    channels, side = SIDES.get(name, (3, 32 if 'cnn' in name or 'cifar' in name else 64))
    segments = hasattr(net, 'decode_head')
    image = torch.randn(1, channels, *((96, 128) if segments else (side, side)))
    graph = prepared(net, image)
    if norm != 'BN':
        convert_norm(
            net, norm, **(dict(residual='alpha') if norm == 'TransNorm' else {})
        )  # 1 + alpha lets rounding grow
    spread(net)
    any_size = segments and not re.match('hrda|vfm-uda', name)  # windows and padding go by the size
    with torch.inference_mode():
        cases = make_cases(graph, [image], any_size)
    slim = portable(graph)
    assert not any(isinstance(module, TwoDomainNorm) for module in slim.modules())
    for suffix, kind in FORMATS.items():
        content = kind.write(slim, image.repeat(2, 1, 1, 1), any_size, dict(task='x'))
        with torch.inference_mode():
            assert check(f'x{suffix}', kind.read(content), name, cases) <= TOLERANCE
        if suffix == '.onnx':
            assert not unfolded(onnx.load_from_string(content).graph)


def test_mmsegs_own_mit_takes_any_size(repo):
    """Its attention alone would hold for one size."""
    cfg = load_config(repo / 'configs/_base_/models/segformer_mit-b0.py')
    cfg.model.backbone.update(type='mmseg.MixVisionTransformer', num_layers=[1, 1, 1, 1])
    net = MODELS.build(cfg.model)
    image = torch.randn(1, 3, 64, 96)
    graph = prepared(net, image)
    with torch.inference_mode():
        cases = make_cases(graph, [image], any_size=True)
    content = FORMATS['.onnx'].write(portable(graph), image.repeat(2, 1, 1, 1), True, dict(task='x'))
    with torch.inference_mode():
        assert check('x.onnx', FORMATS['.onnx'].read(content), 'MiT', cases) <= TOLERANCE
    assert not any(type(part).__name__ == 'EncoderLayer' for part in net.modules()), 'the network itself stays'


def test_no_network_of_the_leaves_is_left_out(repo):
    found = {path.stem for path in (repo / 'configs/_base_/models').glob('*.py')} - {'mit'}
    assert found == {case[0] for case in (*SMALL, *LARGE)} | SAME_PARTS


def unfolded(graph) -> list[str]:
    """Batch norms whose input is a convolution's output."""
    convolved = {output for node in graph.node if node.op_type == 'Conv' for output in node.output}
    return [node.name for node in graph.node if node.op_type == 'BatchNormalization' and node.input[0] in convolved]


@pytest.fixture(scope='module')
def student(toy):
    return UDAInferencer(*toy, device='cpu')


def test_a_file_says_how_it_is_used(student, tmp_path):
    rows = export(student, [tmp_path / 'new/a.onnx', tmp_path / 'new/a.pt'], size=(64, 96))
    assert [row.kind for row in rows] == ['torch', f'ONNX, opset {OPSET}', 'TorchScript']
    for row in rows[1:]:
        assert row.difference <= TOLERANCE
        assert row.milliseconds > 0
    assert rows[1].megabytes == pytest.approx((tmp_path / 'new/a.onnx').stat().st_size / 1e6)
    model = onnx.load(tmp_path / 'new/a.onnx')
    props = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(props['classes']) == list('abcdefgh')
    assert json.loads(props['mean']) == pytest.approx([123.675, 116.28, 103.53])
    assert json.loads(props['std']) == pytest.approx([58.395, 57.12, 57.375])
    assert (props['task'], props['channels'], props['size']) == ('segmentation', 'RGB', '64x96')
    assert [opset.version for opset in model.opset_import] == [OPSET]
    extra = {'metadata.json': ''}
    torch.jit.load(tmp_path / 'new/a.pt', _extra_files=extra)
    assert json.loads(extra['metadata.json']) == props


@pytest.mark.parametrize('channels', [1, 3])
def test_a_classifier_has_the_size_of_its_pipeline(classifier, tmp_path, channels):
    predict = UDAInferencer(*classifier(channels), device='cpu')
    export(predict, [tmp_path / 'c.onnx'])
    model = onnx.load(tmp_path / 'c.onnx')
    props = {prop.key: prop.value for prop in model.metadata_props}
    assert (props['size'], props['channels']) == ('28x28', 'RGB' if channels == 3 else '1')
    dims = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in dims] == ['batch', channels, 28, 28]


def test_the_teacher_on_demand(toy, tmp_path):
    teacher = UDAInferencer(*toy, predict_on='teacher', device='cpu')
    export(teacher, [tmp_path / 't.pt'], np.zeros((64, 64, 3), np.uint8))
    image = teacher.prepare(np.zeros((64, 64, 3), np.uint8))
    assert (torch.jit.load(tmp_path / 't.pt')(image).argmax(1) == 3).all()


class Halving(nn.Module):
    """What ONNX has no operator for, what holds for one size, and what goes wrong."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.conv = kind, nn.Conv2d(3, 2, 1)

    def forward(self, x):
        if self.kind == 'operator':
            return torch.linalg.pinv(self.conv(x))
        if self.kind == 'size':
            return self.conv(x) + torch.ones(tuple(map(int, x.shape[-2:])))
        return self.conv(x) * (0 if self.kind == 'fine' else float('nan'))


@pytest.mark.parametrize(
    'kind, suffix, sentence',
    [
        ('operator', '.onnx', f'cannot become ONNX of opset {OPSET} .*linalg_pinv.*name the file .pt'),
        ('size', '.onnx', r'would hold for images of 64×96 alone.*--size 64 96'),
        ('size', '.pt', r'would hold for images of 64×96 alone.*--size 64 96'),
        ('nan', '.pt', 'gives logits that are NaN or infinite'),
    ],
    ids=['operator', 'size-onnx', 'size-torchscript', 'nan'],
)
def test_networks_that_cannot_be(student, monkeypatch, tmp_path, capfd, kind, suffix, sentence):
    net, image = Halving(kind), np.zeros((64, 96, 3), np.uint8)
    net.data_preprocessor = student.network.data_preprocessor
    net.eval()
    monkeypatch.setattr(student, 'network', net)
    monkeypatch.setattr(ScoreGraph, 'forward', lambda self, x: self.network(x))
    with pytest.raises(UserError, match=sentence):
        export(student, [tmp_path / f'x{suffix}'], image)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr().out == '', 'torch prints its graph'


@pytest.mark.parametrize(
    'name, sentence',
    [
        ('x.pb', r'says no format: let it end in \.onnx or \.pt'),
        ('f/x.pt', 'f is a file; choose another OUT'),
        ('', 'is a folder'),
    ],
    ids=['suffix', 'file', 'folder'],
)
def test_places_that_cannot_be(student, tmp_path, name, sentence):
    (tmp_path / 'f').touch()
    (tmp_path / 'dir.pt').mkdir()
    with pytest.raises(UserError, match=sentence):
        export(student, [tmp_path / (name or 'dir.pt')])


def test_a_package_that_is_missing(student, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(UserError, match=r"needs the package onnxruntime.*pip install 'mmuda\[export\]'"):
        export(student, [tmp_path / 'x.onnx'])


def test_a_file_that_differs_is_named():
    cases = [Case(torch.zeros(1, 3, 4, 4), torch.full((1, 2), 30.0))]
    assert check('x.pt', lambda image: torch.full((1, 2), 30.002), 'Net', cases) == pytest.approx(0.002 / 30, rel=1e-2)
    with pytest.raises(
        UserError, match=r'OUT x\.pt would not do what Net does \(logits differ by 2\.0e-04 of the large'
    ):
        check('x.pt', lambda image: torch.full((1, 2), 30.006), 'Net', cases)
    with pytest.raises(UserError, match=r'its logits are \[1, 3\] instead of \[1, 2\]'):
        check('x.pt', lambda image: torch.zeros(1, 3), 'Net', cases)
