"""On a GPU: the numbers of a CPU, training steps for which the host never waits, and both AMPs. Skipped without one."""

import copy
from contextlib import contextmanager

import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from torch import nn
from torch.utils.data._utils.pin_memory import pin_memory

from mmuda.apis import load_config
from mmuda.apis.command_line import parse_option
from mmuda.domain import STRONG_VIEW, DomainBatch, bind_domain_context
from mmuda.functional import hybrid_attention, multi_kernel_mmd, plan_attention
from mmuda.models.layers import (
    AutoDIAL2d,
    DIDAModule,
    DomainSpecificBatchNorm2d,
    MixStyle,
    TransNorm1d,
    TransNorm2d,
)
from mmuda.models.terms import ACDA
from mmuda.models.uda import base
from mmuda.models.uda.passes import draw_layouts, loaded_views
from mmuda.models.views import View
from mmuda.registry import MODELS

if not torch.cuda.is_available():
    pytest.skip('needs a GPU', allow_module_level=True)
for library in ('mmseg', 'mmpretrain', 'torchvision'):
    pytest.importorskip(library)

CLASSIFIERS = [
    'cdan/cdan_lenet_mnist2usps norm=mmuda.TransNorm model.terms.cdan.entropy=true',
    'mdd/mdd_lenet_mnist2usps norm=mmuda.TransNorm',
    'dann/dann_lenet_mnist2usps norm=mmuda.AutoDIAL',
    'dan/dan_lenet_mnist2usps',
    'jan/jan_lenet_mnist2usps',
    'mcd/mcd-grl_lenet_mnist2usps',
    'dida/dida_cnn2_mnist2usps',
    'dida/fixmatch_lenet_mnist2usps_official',
    'acda/acda_lenet_mnist2usps',
    'acda/acda_lenet_mnist2usps model.terms.acda.condition=none',
]
SEGMENTORS = [
    'stct/stct_segformer_toy',
    'stct/stct-mha_segformer_toy',
    'combined/all_segformer_mit-b0_toy',
    'dacs/dacs_segformer_toy',
    'daformer/daformer_segformer_toy',
    'hrda/hrda_segformer_toy',
    'mic/mic_segformer_toy',
    'vfm_uda/vfm-uda_vit_toy',
    'fda/fda_segformer_toy',
    'minent/minent_segformer_toy',
    'advent/advent_segformer_toy',
    'adaptsegnet/adaptsegnet_segformer_toy',
]
IMAGES = 6  # of each domain


def class_batch(cfg):
    """Noise digits with all that any classifier's step may ask for."""
    from mmpretrain.structures import DataSample

    inputs, samples = [], []
    for number in range(2 * IMAGES):
        domain = 'source' if number < IMAGES else 'target'
        known = dict(pseudo_label=number % 2) if domain == 'target' and has_clusters(cfg) else {}
        sample = DataSample(metainfo=dict(domain=domain, img_path=f'{number}.png', **known))
        sample.set_gt_label(number % 2 if domain == 'source' else -100)
        sample.set_field(noise_image(), STRONG_VIEW)
        inputs.append(noise_image())
        samples.append(sample)
    return dict(inputs=inputs, data_samples=samples)


def has_clusters(cfg):
    return any(hook['type'] == 'mmuda.ACDAHook' for hook in cfg.get('custom_hooks', ()))


def noise_image(channels=1, size=(28, 28)):
    return torch.randint(0, 256, (channels, *size), dtype=torch.uint8)


def scene_batch(cfg):
    """Noise scenes of two pairs."""
    from mmseg.structures import SegDataSample

    size, classes = (64, 96), cfg.model.student.decode_head.num_classes
    samples = []
    for number, domain in enumerate(('source', 'source', 'target', 'target')):
        sample = SegDataSample(gt_sem_seg=PixelData(data=torch.randint(0, classes, (1, *size))))
        sample.set_metainfo(dict(domain=domain, img_path=f'{number}.png', img_shape=size, ori_shape=size))
        samples.append(sample)
    return dict(inputs=[noise_image(3, size) for _ in samples], data_samples=samples)


def training(repo, leaf, device='cuda'):
    """The model of a leaf with options on the device and one prepared batch."""
    path, *options = leaf.split()
    cfg = load_config(repo / 'configs' / f'{path}.py', dict(map(parse_option, options)))
    batch = scene_batch if leaf in SEGMENTORS else class_batch
    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model).to(device).train()
    model.teacher_updater = 'a test'
    model.set_length(cfg.train_cfg.max_iters)
    return model, model.data_preprocessor(batch(cfg), True)


def step(model, data, optimizer):
    """What `train_step` does with a prepared batch; gives the loss."""
    loss, _ = model.parse_losses(model(**data, mode='loss'))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@contextmanager
def no_waiting():
    """Within it an operation that makes the host wait for the device is an error."""
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode('error')
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode('default')


@pytest.mark.parametrize('leaf', [*CLASSIFIERS, *SEGMENTORS])
def test_the_host_does_not_wait_in_a_step(repo, leaf, monkeypatch):
    """Hybrid attention reads the sizes of its groups: that once, and nothing else."""
    model, data = training(repo, leaf)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    losses = [step(model, data, optimizer)]  # the first one allocates
    if model._drawers:  # the draw alone reads
        drawn = draw_layouts(model.plan, loaded_views(model.task, model.plan.needed, **data), model._drawers)
        monkeypatch.setattr(base, 'draw_layouts', lambda *_: drawn)
    with no_waiting():
        losses += [step(model, data, optimizer) for _ in range(2)]
    assert torch.isfinite(torch.stack(losses)).all()


def test_a_pinned_batch_is_fetched_while_the_host_goes_on(repo):
    leaf = 'stct/stct_segformer_toy'
    model, _ = training(repo, leaf)
    batch = scene_batch(load_config(repo / 'configs' / f'{leaf}.py'))
    expected = model.data_preprocessor(copy.deepcopy(batch), True)['inputs']
    pinned = pin_memory(batch)
    tensors = [*pinned['inputs'], *(sample.gt_sem_seg.data for sample in pinned['data_samples'])]
    assert all(tensor.is_pinned() for tensor in tensors)
    with no_waiting():
        found = model.data_preprocessor(pinned, True)['inputs']
    assert torch.equal(found, expected)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize('leaf', [*CLASSIFIERS, *SEGMENTORS])
def test_a_step_with_amp_is_near_one_without(repo, leaf, dtype):
    """Without dropout and MixStyle, whose draws depend on the precision."""
    model, data = training(repo, leaf)
    for module in model.modules():
        if isinstance(module, (nn.Dropout, MixStyle)):
            module.p = 0.0
    losses = []
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast('cuda', dtype, enabled=enabled):
            losses.append(model.parse_losses(copy.deepcopy(model)(**data, mode='loss'))[0])
    assert losses[1].isfinite()
    torch.testing.assert_close(losses[1].float(), losses[0].float(), rtol=0.1, atol=0.05)
    losses[1].backward()


# ---- the numbers of a CPU, in float64 --------------------------------------------------------------


def both(module, *inputs, call=lambda module, *inputs: module(*inputs)):
    """Outputs, input gradients and parameter gradients of a module on the CPU and on the GPU."""
    results = []
    for device in ('cpu', 'cuda'):
        net = copy.deepcopy(module).double().to(device)
        xs = [x.detach().double().to(device).requires_grad_() for x in inputs]
        y = call(net, *xs)
        (y * torch.linspace(-1, 1, y.numel(), dtype=y.dtype).to(device).view_as(y)).sum().backward()
        grads = [p.grad for p in net.parameters() if p.grad is not None]
        results.append([t.cpu() for t in (y.detach(), *(x.grad for x in xs), *grads)])
    return results


def assert_same(results):
    for cpu, cuda in zip(*results, strict=True):
        torch.testing.assert_close(cuda, cpu, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('kind', [TransNorm2d, DomainSpecificBatchNorm2d, AutoDIAL2d])
@pytest.mark.parametrize('training', [True, False])
def test_norms(kind, training):
    assert_same(both(bound(kind(5)).train(training), torch.randn(7, 5, 6, 4)))


def test_norms_of_vectors_and_of_channels_last_maps():
    assert_same(both(bound(TransNorm1d(5)), torch.randn(7, 5)))
    last = torch.randn(7, 5, 6, 4).to(memory_format=torch.channels_last)
    assert_same(both(bound(TransNorm2d(5)), last))


def test_a_norm_of_half_precision_maps():
    """Parameters and statistics stay in float32."""
    norm, x = bound(TransNorm2d(5)).cuda(), torch.randn(7, 5, 6, 4, device='cuda')
    results = []
    for leaf in (x, x.half()):
        leaf = leaf.clone().requires_grad_()
        y = norm(leaf)
        weight = torch.linspace(-1, 1, y.numel(), device='cuda').view_as(y)
        results.append((y, *torch.autograd.grad((y * weight).sum(), (leaf, norm.weight, norm.bias))))
    for full, half in zip(*results, strict=True):
        torch.testing.assert_close(half.float(), full, rtol=0.02, atol=0.02)


def test_a_norm_behind_a_frozen_layer_has_gradients_of_its_parameters():
    norm, results = bound(TransNorm2d(5)), []
    x = torch.randn(7, 5, 6, 4)
    for device in ('cpu', 'cuda'):
        net = copy.deepcopy(norm).to(device)
        net(x.to(device)).square().sum().backward()
        results.append([parameter.grad.cpu() for parameter in net.parameters()])
    for cpu, cuda in zip(*results, strict=True):
        torch.testing.assert_close(cuda, cpu, rtol=1e-4, atol=1e-4)


def bound(norm):
    """In training on three source and four target rows."""
    bind_domain_context(norm).set(DomainBatch(3, 4))
    return norm.train()


@pytest.mark.parametrize('form', ['factorized', 'grouped', 'fused', 'loop'])
@pytest.mark.parametrize('stride', [1, 2])
def test_dida(form, stride):
    assert_same(both(DIDAModule(32, 32, stride=stride, form=form), torch.randn(4, 32, 7, 7)))


def test_dida_takes_the_form_with_the_fewest_launches(count_operations):
    module, x = DIDAModule(32, 32).cuda(), torch.randn(4, 32, 7, 7, device='cuda')
    counts = {}
    for module.form in ('auto', 'fused', 'grouped', 'factorized', 'loop'):
        counts[module.form] = count_operations(lambda: module(x))
    assert counts['auto'] == counts['fused'] == min(counts.values())


@pytest.mark.parametrize('implementation', ['gathered', 'masked'])
def test_attention(implementation):
    layout = DomainBatch(2, 3)
    groups = [torch.rand(5, n) < 0.5 for n in (12, 6)]

    def call(_, q, k, v):
        mine = [g.to(q.device) for g in groups]
        plan = plan_attention(layout, [mine], implementation=implementation)[0]
        return hybrid_attention(q, k, v, layout, plan=plan)

    assert_same(both(nn.Identity(), *(torch.randn(5, 2, n, 4) for n in (12, 6, 6)), call=call))


def test_mmd():
    x, y = torch.randn(9, 16), torch.randn(7, 16)
    assert_same(both(nn.Identity(), x, y, call=lambda _, x, y: multi_kernel_mmd(x, y)))


@pytest.mark.parametrize('condition', ['none', 'intra', 'cdd'])
def test_acda(condition):
    term = ACDA(('a', 'b'), (8, 16), channels=4, size=3, condition=condition)
    label = torch.arange(6) % 2

    def call(term, *maps):
        halves = zip(*(x.chunk(2) for x in maps))
        known = label.to(maps[0].device)
        source, target = (View(a, dict(a=a, b=b, neck=neck), neck, known) for a, b, neck in halves)
        return term(source, target, torch.zeros_like(known[0]))['loss']

    assert_same(both(term, torch.randn(12, 8, 6, 6), torch.randn(12, 16, 3, 3), torch.randn(12, 2), call=call))
