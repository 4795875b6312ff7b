"""MIC with other methods: what its README says builds, and a step of it learns."""

import re

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

pytest.importorskip('mmseg')

from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.uda import base
from mmuda.registry import MODELS

SIZE = (64, 96)
LEAF = """
_base_ = [
    'BASE/models/segformer_mit-b0.py',
    'BASE/datasets/toy_streets.py',
    'BASE/methods/OTHER.py',
    'BASE/methods/mic.py',
    'BASE/schedules/adamw_toy_poly.py',
    'BASE/default_runtime.py',
]
student = _base_.model
student.backbone.update(embed_dims=8, num_heads=[1, 2, 2, 4])
student.decode_head.update(in_channels=[8, 16, 16, 32], channels=16, num_classes=8)
mic = _base_.mic
mic.views.masked.block = 16
methods = [_base_.OTHER, mic]
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=methods)
"""


@pytest.fixture
def leaf(repo, tmp_path):
    """``leaf(other, changes)`` → the config of MIC on another method, for the toy set."""

    def write(other, changes=''):
        path = tmp_path / 'leaf.py'
        path.write_text(LEAF.replace('OTHER', other).replace('BASE', str(repo / 'configs/_base_')))
        child = tmp_path / 'child.py'
        child.write_text(f"_base_ = './leaf.py'\n{changes}")
        return Config.fromfile(child)

    return write


def step(cfg):
    """The model after one step on noise, and the losses of it."""
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model).train()
    model.init_weights()
    model.teacher_updater = 'a test'
    samples = []
    for domain in ('source', 'source', 'target', 'target'):
        label = torch.randint(0, 8, (1, *SIZE)) if domain == 'source' else torch.full((1, *SIZE), 255)
        samples.append(SegDataSample(metainfo=dict(domain=domain), gt_sem_seg=PixelData(data=label)))
    images = [torch.randint(0, 256, (3, *SIZE), dtype=torch.uint8) for _ in samples]
    optim_wrapper = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=0.1)))
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    losses = model.train_step(dict(inputs=images, data_samples=samples), optim_wrapper)
    moved = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    return model, losses, moved


@pytest.mark.parametrize('other', ['advent', 'minent', 'adaptsegnet', 'dacs'])
def test_mic_joins_any_method(leaf, other):
    cfg = leaf(other)
    for term in cfg.model.methods[0].terms.values():
        if 'num_classes' in term:
            term.num_classes = 8
    model, losses, moved = step(cfg)
    assert all(torch.isfinite(torch.as_tensor(value)) for value in losses.values())
    assert {f'loss_{name}' for name in model.terms} <= set(losses)
    assert not any(name.startswith('teacher') for name in moved)
    assert {name.split('.')[0] for name in moved} >= {'student', *(['terms'] * (other in ('advent', 'adaptsegnet')))}


def test_masked_images_of_both_domains(leaf, repo, monkeypatch):
    """Source images have their own labels; the loss is the mean over all images."""
    readme = (repo / 'configs/mic/README.md').read_text()
    cfg = leaf('daformer', re.search(r'```python\n(.*?)```', readme, re.DOTALL)[1])
    cfg.model.labeller = dict(threshold=0.13)
    seen, original = {}, base.pass_views

    def remember(task, net, views, taps):
        seen.update(original(task, net, views, taps))
        return {name: seen[name] for name in views}

    monkeypatch.setattr(base, 'pass_views', remember)
    model, losses, _ = step(cfg)
    assert model.plan.passes == (('source',), ('mixed',), ('masked_source', 'masked'))
    assert torch.equal(seen['masked_source'].label, seen['source'].label)
    assert seen['masked_source'].weight is None
    assert 0 < seen['masked'].weight.max() < 1
    for name in ('masked_source', 'masked'):
        hidden = (seen[name].inputs == 0).all(1).float().mean()
        assert 0.4 < hidden < 0.95
    costs = []
    for name in ('masked_source', 'masked'):
        view = seen[name]
        logits = torch.nn.functional.interpolate(view.logits, SIZE, mode='bilinear')
        cost = torch.nn.functional.cross_entropy(logits, view.label, reduction='none').mean((1, 2))
        costs.append(cost if view.weight is None else cost * view.weight)
    torch.testing.assert_close(losses['loss_masked'].detach(), torch.cat(costs).mean().detach())
