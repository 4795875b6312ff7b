"""Checkpoints of other code bases, and for other classes: read, or named with what to do."""

import copy
import os
import re
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmuda.apis import UserError, check_checkpoint, load_checkpoint
from mmuda.apis.checkpoint import dataset_meta, fit_weights, read_checkpoint
from mmuda.apis.start_weights import check_pretrained_parts, prepare_start
from mmuda.models.uda import SelfTrainingUDA, UDAModel
from mmuda.registry import MODELS

MIT_NAMES = [
    (
        r'layers\.(\d)\.0\.(projection|norm)\.',
        lambda m: f'patch_embed{int(m[1]) + 1}.{dict(projection="proj").get(m[2], m[2])}.',
    ),
    (r'layers\.(\d)\.2\.', lambda m: f'norm{int(m[1]) + 1}.'),
    (r'layers\.(\d)\.1\.(\d+)\.', lambda m: f'block{int(m[1]) + 1}.{m[2]}.'),
    (r'attn\.attn\.out_proj\.', lambda m: 'attn.proj.'),
    (r'ffn\.layers\.0\.', lambda m: 'mlp.fc1.'),
    (r'ffn\.layers\.1\.', lambda m: 'mlp.dwconv.dwconv.'),
    (r'ffn\.layers\.4\.', lambda m: 'mlp.fc2.'),
]
HEAD_NAMES = [
    (r'embeds\.(\d)\.', lambda m: f'embed_layers.{m[1]}.proj.'),
    (r'attention\.aspp\.0\.', lambda m: 'attention.fuse_layer.'),
    (r'aspp\.', lambda m: 'fuse_layer.aspp_modules.'),
    (r'(?<!fuse_layer\.)\bbottleneck\.', lambda m: 'fuse_layer.bottleneck.'),
    (r'\battention\.', lambda m: 'scale_attention.'),
]


def released(state: dict) -> dict:
    """The names and shapes of DAFormer's code base, typed again from its modules."""
    found = {}
    for key, value in state.items():
        if key.startswith('backbone.'):
            for pattern, name in MIT_NAMES:
                key = re.sub(pattern, name, key)
            if '.mlp.fc' in key and key.endswith('weight'):
                value = value[..., 0, 0]
            if '.attn.attn.in_proj_' in key:
                part, width = key.rpartition('in_proj_')[2], len(value) // 3
                stem = key.replace(f'attn.attn.in_proj_{part}', '')
                found |= {f'{stem}attn.q.{part}': value[:width], f'{stem}attn.kv.{part}': value[width:]}
                continue
        else:
            for pattern, name in HEAD_NAMES:
                key = re.sub(pattern, name, key)
            if '.embed_layers.' in key and key.endswith('weight'):
                value = value[..., 0, 0]
        found[key] = value
    return found


@pytest.fixture
def student(tiny_student):
    """A student with DAFormer's head, or HRDA's two."""

    def make(hrda: bool = False, classes: int = 5) -> dict:
        cfg = tiny_student()
        head = dict(
            type='mmuda.DAFormerHead', in_channels=[8, 16, 16, 32], in_index=[0, 1, 2, 3], channels=4, embed_dims=4,
            dilations=(1, 2), num_classes=classes, norm_cfg=dict(type='BN'), align_corners=False, dropout_ratio=0,
        )  # fmt: skip
        cfg['decode_head'] = head
        if hrda:
            shared = dict(num_classes=classes, align_corners=False)
            attention = dict(head, dilations=(1,), bottleneck=False)
            cfg['decode_head'] = dict(type='mmuda.HRDAHead', head=head, attention=attention, **shared)
        return cfg

    return make


def build(cfg: dict) -> nn.Module:
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(copy.deepcopy(cfg))


@pytest.fixture
def file(tmp_path):
    """Write a checkpoint as mmcv 1.x does."""

    def write(state: dict, **meta):
        path = tmp_path / 'foreign.pth'
        torch.save(dict(meta=dict(CLASSES=tuple('abcde'), PALETTE=[[0, 0, 0]] * 5, **meta), state_dict=state), path)
        return path

    return write


def same(net: nn.Module, state: dict) -> bool:
    return all(torch.equal(value, state[key]) for key, value in net.state_dict().items())


def test_a_file_of_daformers_code_base_becomes_student_and_teacher(student, file):
    trained, averaged = (build(student()) for _ in range(2))
    state = {f'model.{key}': value for key, value in released(trained.state_dict()).items()}
    state |= {f'ema_model.{key}': value for key, value in released(averaged.state_dict()).items()}
    state |= {f'imnet_model.{key}': value for key, value in released(trained.state_dict()).items()}
    path = file(state)
    model = SelfTrainingUDA('segmentation', build(student()))
    load_checkpoint(model, path)
    assert same(model.student, trained.state_dict())
    assert same(model.teacher, averaged.state_dict())
    _, (note,) = fit_weights(model, state, path)
    assert note.endswith('its weights are read as student, teacher')


@pytest.mark.parametrize('hrda', [False, True], ids=['daformer', 'hrda'])
def test_a_plain_network_gets_the_student_of_such_a_file(student, file, hrda):
    trained, plain = (build(student(hrda)) for _ in range(2))
    state = {f'model.{key}': value for key, value in released(trained.state_dict()).items()}
    state |= {f'ema_model.{key}': torch.zeros_like(value) for key, value in released(trained.state_dict()).items()}
    load_checkpoint(plain, file(state))
    assert same(plain, trained.state_dict())


def test_a_network_of_daformers_code_base_without_prefix(student, file):
    trained, plain = build(student()), UDAModel('segmentation', build(student()))
    load_checkpoint(plain, file(released(trained.state_dict())))
    assert same(plain.student, trained.state_dict())


def test_another_number_of_classes_loads_all_but_the_classifier(student, file):
    trained = build(student(classes=19))
    path = file(trained.state_dict())
    for model in (build(student()), SelfTrainingUDA('segmentation', build(student()))):
        own = copy.deepcopy(model.state_dict())
        with pytest.raises(UserError, match='shape'):
            check_checkpoint(model, path)
        state, (note,) = fit_weights(model, trained.state_dict(), path, to_train=True)
        assert note.startswith('it is for 19 classes and the model for 5: all is loaded but the classifier (')
        model.load_state_dict(state, strict=False)
        for key, value in model.state_dict().items():
            name = key.removeprefix('student.').removeprefix('teacher.')
            if 'conv_seg' in name or name == 'step':
                assert torch.equal(value, own[key])
            else:
                assert torch.equal(value, trained.state_dict()[name])


@pytest.mark.parametrize('start', ['plain', 'self-trained'])
def test_layers_that_are_added_start_as_initialised(student, file, start):
    """A branch or a neck beside a trained network, in a training; whoever evaluates wants all of its own weights."""
    larger = student()
    larger['neck'] = dict(type='mmuda.DIDANeck', in_channels=16, out_channels=32, pool=False, all_levels=True)
    trained = build(student()) if start == 'plain' else SelfTrainingUDA('segmentation', build(student()))
    path = file(trained.state_dict())
    for model in (build(larger), SelfTrainingUDA('segmentation', build(larger))):
        if start != 'plain' and not hasattr(model, 'NETWORKS'):
            continue
        with pytest.raises(UserError, match=r'neck'):
            check_checkpoint(model, path)
        own = copy.deepcopy(model.state_dict())
        state, (note,) = fit_weights(model, trained.state_dict(), path, to_train=True)
        assert note == 'it has no neck: these layers start as they are initialised'
        model.load_state_dict(state, strict=False)
        weights = getattr(trained, 'student', trained).state_dict()
        for key, value in getattr(model, 'student', model).state_dict().items():
            assert torch.equal(value, weights[key] if key in weights else own.get(f'student.{key}', own.get(key)))
        if hasattr(model, 'teacher'):
            for key, value in model.teacher.state_dict().items():
                assert torch.equal(value, model.student.state_dict()[key])


def test_what_a_network_cannot_do_without_is_no_added_layer(student, file):
    trained = build(student()).state_dict()
    for part in ('decode_head.', 'backbone.layers.3.'):
        lacking = {key: value for key, value in trained.items() if not key.startswith(part)}
        assert len(lacking) < len(trained)
        with pytest.raises(UserError, match='lacks'):
            check_checkpoint(build(student()), file(lacking), to_train=True)


def test_other_differences_are_another_model(student, file):
    other = student(classes=19)
    other['decode_head']['channels'] = 8
    with pytest.raises(UserError, match='shape'):
        check_checkpoint(build(student()), file(build(other).state_dict()), to_train=True)


@pytest.mark.parametrize(
    'key, sentence',
    [
        (
            'features.0.0.weight',
            r"torchvision's mobilenet_v2: convert them with tools/model_converters/torchvision2mmseg",
        ),
        ('patch_embed1.proj.weight', r'the MiT encoder .* with tools/model_converters/mit2mmseg\.py and set'),
        ('conv1_7x7_s2.weight', r'Caffe.* with tools/model_converters/caffe2mmuda\.py and set'),
        ('layer1.0.conv1.weight', r"torchvision and timm: set the backbone's init_cfg=dict\(type='Pretrained'"),
    ],
)
def test_a_backbone_alone_is_named_with_its_converter(student, file, key, sentence):
    for model in (build(student()), SelfTrainingUDA('segmentation', build(student()))):
        for to_train in (False, True):
            with pytest.raises(UserError, match=sentence):
                check_checkpoint(model, file({key: torch.zeros(1)}), to_train)


def test_a_run_starts_from_such_weights_and_says_so(student, file):
    """The way of `load_from`: checked before the run, and handed to mmengine's loader in the model's names."""
    trained, model, lines = build(student(classes=19)), UDAModel('segmentation', build(student())), []
    path = file({f'model.{key}': value for key, value in released(trained.state_dict()).items()}, iter=3, epoch=0)
    runner = SimpleNamespace(model=model, _resume=False, logger=SimpleNamespace(warning=lines.append), hooks=[])
    runner.register_hook = runner.hooks.append
    prepare_start(runner, str(path), to_train=True)
    checkpoint = torch.load(path)
    runner.hooks[0].after_load_checkpoint(runner, checkpoint)
    wanted = model.state_dict().keys() - {'step'}
    assert checkpoint['state_dict'].keys() == wanted
    assert [bool(re.search(text, line)) for text, line in zip(("DAFormer's code", '19 classes'), lines)] == [True, True]


@pytest.mark.parametrize('prefix', [None, 'backbone', 'backbone.'])
def test_weights_that_a_part_starts_from_fit_it(student, tmp_path, prefix):
    """mmengine would load what fits, be it nothing, and warn."""
    model, path = UDAModel('segmentation', build(student())), tmp_path / 'encoder.pth'
    backbone = model.student.backbone
    backbone.init_cfg = dict(type='Pretrained', checkpoint=str(path), **(dict(prefix=prefix) if prefix else {}))
    named = {f'backbone.{key}' if prefix else key: value for key, value in backbone.state_dict().items()}
    torch.save(named | {'head.weight': torch.zeros(2)}, path)
    check_pretrained_parts(model)
    official = {f'patch_embed1.proj.{name}': torch.zeros(1) for name in ('weight', 'bias')}
    torch.save({f'backbone.{key}' if prefix else key: value for key, value in official.items()}, path)
    with pytest.raises(
        UserError, match=r'encoder\.pth are of another network than student\.backbone .*2 of 2 .*mit2mmseg\.py'
    ):
        check_pretrained_parts(model)
    torch.save({key: value[..., None] for key, value in named.items()}, path)
    with pytest.raises(UserError, match=r'encoder\.pth do not fit student\.backbone'):
        check_pretrained_parts(model)


def test_a_classifier_of_photographs_may_have_other_classes():
    net, other = (
        nn.ModuleDict(dict(backbone=nn.Linear(4, 4), head=nn.ModuleDict(dict(fc=nn.Linear(4, classes)))))
        for classes in (3, 1000)
    )
    state, (note,) = fit_weights(net, other.state_dict(), 'x.pth', to_train=True)
    assert '1000 classes and the model for 3' in note
    assert torch.equal(state['head.fc.weight'], net.head.fc.weight)
    assert torch.equal(state['backbone.weight'], other.backbone.weight)


def test_classes_of_mmseg_0_and_of_mmseg_1():
    palette = [[0, 0, 0]]
    assert dataset_meta(dict(meta=dict(CLASSES=('a',), PALETTE=palette))) == dict(classes=('a',), palette=palette)
    assert dataset_meta(dict(meta=dict(dataset_meta=dict(classes=['b'])))) == dict(classes=['b'])
    assert dataset_meta(dict(state_dict={})) == {}


class Call:
    """Pickles as a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize('payload', [Call(os.mkdir, 'trap'), Call(eval, '1'), Call(getattr, dict, 'fromkeys')])
def test_a_malicious_file_is_called_that(tmp_path, monkeypatch, payload):
    """By every reader, and without torch's advice to switch the check off."""
    from mmengine.runner import load_checkpoint as mmengine_load

    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict=payload), 'foreign.pth')
    for read in (read_checkpoint, lambda path: mmengine_load(nn.Linear(1, 1), path)):
        with pytest.raises(Exception, match=r'foreign\.pth is refused: .* names code .*malicious') as caught:
            read('foreign.pth')
        assert 'weights_only' not in str(caught.value)
    assert not os.path.exists('trap')
