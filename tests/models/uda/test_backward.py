"""Passes that share no term go backward one after the other: less memory, the same gradients, one all-reduce."""

import copy
import weakref
from contextlib import nullcontext

import pytest
import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from mmuda.engine.optimizers import BFloat16OptimWrapper
from mmuda.engine.runners import UDADataParallel
from mmuda.models.terms import Term
from mmuda.models.uda import SelfTrainingUDA, UDAModel
from mmuda.models.uda.plan import _due

pytest.importorskip('mmseg')


class Scaled(Term):
    """The mean score of the source, times a parameter that no other pass has."""

    def __init__(self):
        super().__init__(('source',))
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, source, step):
        return dict(loss=self.scale * source.logits.mean(), seen=source.logits.mean())


class ScaledLossWrapper(OptimWrapper):
    """As mmengine's AMP wrapper, which wants a GPU."""

    loss_scaler = torch.amp.GradScaler('cpu', init_scale=8.0)

    def backward(self, loss):
        self.loss_scaler.scale(loss).backward()
        self._inner_count += 1


@pytest.fixture
def make_model(tiny_student):
    """A source, a mixed and a masked view, without dropout."""

    def make(passes):
        student = tiny_student(dropout_ratio=0)
        student['backbone']['drop_path_rate'] = 0.0
        return SelfTrainingUDA(
            task='segmentation',
            student=student,
            views=dict(mixed=dict(type='ClassMix'), masked=dict(type='BlockMask', block=8)),
            terms=dict(
                mixed=dict(type='PseudoLabelLoss', view='mixed'),
                masked=dict(type='PseudoLabelLoss', view='masked'),
                scaled=Scaled(),
            ),
            passes=passes,
            teacher='fixed',
        ).train()

    return make


@pytest.fixture
def model(make_model):
    """With a pass for each view."""
    return make_model('separate')


def gradients(model, batch, kind=OptimWrapper, wrapped=None, **options):
    """Those that the optimizer sees in one update, whose batches are alike."""
    found = {}
    optimizer = torch.optim.SGD([parameter for parameter in model.parameters() if parameter.requires_grad], lr=0.0)
    optimizer.register_step_pre_hook(
        lambda *_: found.update({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    )
    optim_wrapper = kind(optimizer, **options)
    for _ in range(options.get('accumulative_counts', 1)):
        torch.manual_seed(1)
        log = (wrapped or model).train_step(copy.deepcopy(batch), optim_wrapper)
    return found, log


def together(model):
    """The same model, whose one backward pass is from the sum."""
    model = copy.deepcopy(model)
    model.backward_by = lambda _: nullcontext()
    return model


def test_terms_are_due_when_the_passes_that_they_share_are_there(model):
    assert model.plan.passes == (('source',), ('mixed',), ('masked',))
    assert model.plan.due == (('source', 'scaled'), ('mixed',), ('masked',))


def test_terms_that_share_views_wait_for_all_of_them():
    """A term that reads no view is due at the end."""
    groups = (('a',), ('b',), ('c',), ('d',))
    reads = dict(ad=('a', 'd'), c=('c',), none=())
    assert _due(reads, groups) == ((), (), ('c',), ('ad', 'none'))
    assert _due(dict(ab=('a', 'b'), bc=('c', 'b')), groups) == ((), (), ('ab', 'bc'), ())


@pytest.mark.parametrize(
    'kind, options, factor',
    [(OptimWrapper, {}, 1), (OptimWrapper, dict(accumulative_counts=2), 1), (ScaledLossWrapper, {}, 8)],
    ids=['plain', 'accumulated', 'scaled'],
)
def test_gradients_are_those_of_one_backward_pass(model, domain_batch, kind, options, factor):
    model, batch = model.double(), domain_batch('sstt')
    joint, joint_log = gradients(together(model), batch)
    found, log = gradients(model, batch, kind, **options)
    assert log == joint_log
    assert found.keys() == joint.keys() >= {'terms.scaled.scale'}
    for name, gradient in joint.items():
        torch.testing.assert_close(found[name], factor * gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize('passes, rows', [('separate', [2, 2, 2]), ('joint', [6])])
def test_norms_see_each_pass_in_its_turn(make_model, domain_batch, passes, rows):
    """Three passes are three updates of a running mean, of source, mixed and masked in this order; one pass is one."""
    model = make_model(passes)
    norm = model.student.decode_head.fusion_conv.bn
    images, seen = [], []
    model.student.backbone.register_forward_pre_hook(lambda _, args: images.append(args[0]))
    norm.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    norm.running_mean.fill_(1.0)
    batch = domain_batch('sstt')
    gradients(model, batch)
    expected = torch.ones_like(norm.running_mean)
    for x in seen:
        expected = (1 - norm.momentum) * expected + norm.momentum * x.mean((0, 2, 3))
    assert [len(x) for x in seen] == rows
    assert norm.num_batches_tracked == len(rows)
    torch.testing.assert_close(norm.running_mean, expected)
    source, mixed, masked = torch.cat(images).split(2)
    plain = model.data_preprocessor(copy.deepcopy(batch), training=True)['inputs']
    assert torch.equal(source, plain[:2])
    assert torch.where(mixed == source, source, plain[2:]).equal(mixed)  # each pixel is one of the two
    assert torch.where(masked == 0, masked, plain[2:]).equal(masked)
    assert (masked == 0).any()


def test_bfloat16(model, domain_batch):
    """Autocast makes a copy of a weight once for all passes."""
    batch = domain_batch('sstt')
    joint, _ = gradients(together(model), batch, BFloat16OptimWrapper)
    found, _ = gradients(model, batch, BFloat16OptimWrapper)
    scale = max(gradient.abs().max() for gradient in joint.values())
    for name, gradient in joint.items():
        torch.testing.assert_close(found[name], gradient, rtol=0.05, atol=0.01 * scale.item())


def test_several_optimizers_are_refused(model, domain_batch):
    """Before a forward pass; a discriminator has settings of its own by groups of parameters."""
    parts = dict(
        student=OptimWrapper(torch.optim.SGD(model.student.parameters(), lr=0.1)),
        terms=OptimWrapper(torch.optim.Adam(model.terms.parameters(), lr=0.1)),
    )
    with pytest.raises(TypeError, match=r'optim_wrapper has 2 \(student, terms\): use one'):
        model.train_step(domain_batch('sstt'), OptimWrapperDict(**parts))


def peak_of_saved_tensors(step):
    """Bytes of activations that wait for a backward pass, at their most."""
    alive, peak = 0, 0

    class Kept:
        def __init__(self, tensor):
            self.tensor = tensor

    def forget(size):
        nonlocal alive
        alive -= size

    def pack(tensor):
        nonlocal alive, peak
        kept = Kept(tensor)
        if not isinstance(tensor, nn.Parameter):
            size = tensor.numel() * tensor.element_size()
            alive, peak = alive + size, max(peak, alive + size)
            weakref.finalize(kept, forget, size)
        return kept

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda kept: kept.tensor):
        step()
    assert alive == 0
    return peak


def test_activations_of_separate_passes_do_not_add_up(model, tiny_student, domain_batch):
    batch = domain_batch('sstt')
    alone = UDAModel(task='segmentation', student=tiny_student()).train()
    peaks = {
        name: peak_of_saved_tensors(lambda net=net: gradients(net, batch))
        for name, net in dict(alone=alone, early=model, joint=together(model)).items()
    }
    assert peaks['early'] < 1.2 * peaks['alone']
    assert peaks['joint'] > 2.7 * peaks['alone']


@pytest.fixture
def one_process():
    torch.distributed.init_process_group('gloo', store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize('unused', [False, True], ids=['', 'find_unused_parameters'])
def test_processes_reduce_each_gradient_once_and_whole(model, domain_batch, one_process, unused):
    model, batch = model.double(), domain_batch('sstt')
    joint, _ = gradients(together(model), batch)
    reduced = []

    def hook(_, bucket):
        reduced.extend(parameter for parameter in bucket.parameters())
        future = torch.futures.Future()
        future.set_result(2 * bucket.buffer())
        return future

    wrapped = UDADataParallel(model, device_ids=None, find_unused_parameters=unused)
    wrapped.register_comm_hook(None, hook)
    found, _ = gradients(model, batch, wrapped=wrapped)
    names = {parameter: name for name, parameter in model.named_parameters()}
    assert sorted(names[parameter] for parameter in reduced) == sorted(joint)
    for name, gradient in joint.items():
        torch.testing.assert_close(found[name], 2 * gradient, rtol=1e-10, atol=1e-12)
