"""MCD's three steps: who moves in which, the same iteration typed again, resume, mixed precision, refusals."""

import copy
from itertools import pairwise
from unittest import mock

import pytest
import torch
from mmengine.optim import OptimWrapper
from torch.nn import functional as F

from mmuda.engine.optimizers import BFloat16OptimWrapper
from mmuda.models.uda import MCDUDA, UDAModel


@pytest.fixture
def student(tiny_classifier):
    def make(norm='BN'):
        config = tiny_classifier(norm)
        config['head'] = dict(type='mmuda.TwoClassifierHead', classifier=config['head'])
        return config

    return make


@pytest.fixture
def build(student):
    def make(norm='BN', kind=MCDUDA, **options):
        model = kind(task='classification', student=student(norm), **options)
        model.init_weights()
        with torch.no_grad():
            for parameter in model.student.parameters():
                parameter += 0.3 * torch.randn_like(parameter)  # initial weights of N(0, 0.005) hardly disagree
            model.student.neck.linear.bias += 1  # no feature is cut off
        return model.train()

    return make


def wrapper(model, kind=OptimWrapper, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    return kind(optimizer=optimizer, **options)


def parts(model):
    head = {f'head.{name}' for name, _ in model.student.head.named_parameters()}
    named = {name: p.detach().clone() for name, p in model.student.named_parameters()}
    return [{k: v for k, v in named.items() if (k in head) == wanted} for wanted in (True, False)]


def same(before, after):
    return [torch.equal(before[name], after[name]) for name in before]


def test_each_step_moves_its_part_alone(build, class_batch):
    """With momentum and weight decay, in an iteration whose optimizer has moved everything before."""
    model = build()
    optim_wrapper = wrapper(model)
    model.train_step(class_batch('stst'), optim_wrapper)
    seen = [parts(model)]
    optim_wrapper.optimizer.register_step_post_hook(lambda *_: seen.append(parts(model)))
    model.train_step(class_batch('sttt'), optim_wrapper)
    moved = [
        [not all(same(before, after)) for before, after in zip(*pair)] for pair in pairwise(seen)
    ]  # classifiers, generator
    assert moved == [[True, True], [True, False], *[[False, True]] * 4]
    for pair in pairwise(seen[2:]):  # in step C each tensor of the classifiers is as it was
        assert all(same(pair[0][0], pair[1][0]))
    assert all(same(seen[1][1], seen[2][1]))
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_an_iteration_is_the_papers_typed_again(build, class_batch):
    """With plain gradient descent in float64, batch norm over the joint batch, three optimizers' worth of steps."""
    model = build(num_generator_steps=2, discrepancy_weight=0.7).double()
    twin = copy.deepcopy(model.student)
    data = class_batch('sstt')
    data['inputs'] = [image.double() for image in data['inputs']]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    log = model.train_step(copy.deepcopy(data), OptimWrapper(optimizer))
    x = model.data_preprocessor(copy.deepcopy(data), True)['inputs']
    label = torch.tensor([0, 1])

    def losses():
        features = twin.extract_feat(x)
        one, two = (classifier(features) for classifier in twin.head.classifiers)
        d = (one[2:].softmax(1) - two[2:].softmax(1)).abs().mean()
        return F.cross_entropy(one[:2], label) + F.cross_entropy(two[:2], label), d

    def descend(loss, parameters):
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters)):
            parameter.data -= 0.1 * gradient

    generator = [*twin.backbone.parameters(), *twin.neck.parameters()]
    source = losses()[0]
    descend(source, list(twin.parameters()))
    cost, raised = losses()
    descend(cost - 0.7 * raised, list(twin.head.parameters()))
    for _ in range(2):
        lowered = losses()[1]
        descend(0.7 * lowered, generator)
    for name, parameter in model.student.named_parameters():
        torch.testing.assert_close(parameter, twin.get_parameter(name))
    torch.testing.assert_close(model.student.backbone.norm.running_mean, twin.backbone.norm.running_mean)
    assert model.student.backbone.norm.num_batches_tracked == 4
    torch.testing.assert_close(log['loss_source'].double(), source.detach(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(log['classifier_discrepancy'], raised.detach())
    torch.testing.assert_close(log['generator_discrepancy'], lowered.detach())


def test_the_generator_lowers_the_discrepancy_step_by_step(build, class_batch):
    model = build('GN')
    optim_wrapper, seen = wrapper(model), []
    optim_wrapper.optimizer.param_groups[0].update(lr=0.01, momentum=0.0, weight_decay=0.0)
    batch = class_batch('sstttt')
    original = model._generator_step

    def step(*args):
        seen.append(original(*args).item())
        return torch.tensor(seen[-1])

    model._generator_step = step
    log = model.train_step(batch, optim_wrapper)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > seen[-1]
    assert log['generator_discrepancy'] == pytest.approx(seen[-1])


def test_a_resumed_run_goes_on_exactly(build, class_batch):
    batches = [class_batch('stst') for _ in range(3)]
    model = build()
    optim_wrapper = wrapper(model)
    for batch in batches[:2]:
        model.train_step(copy.deepcopy(batch), optim_wrapper)
    assert model.step == 2
    saved = copy.deepcopy((model.state_dict(), optim_wrapper.state_dict()))
    other = build()
    resumed = wrapper(other)
    other.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    for net, optimizer in ((model, optim_wrapper), (other, resumed)):
        net.train_step(copy.deepcopy(batches[2]), optimizer)
    assert other.step == 3
    assert all(torch.equal(value, other.state_dict()[key]) for key, value in model.state_dict().items())


def test_mixed_precision_trains_the_same_parts(build, class_batch):
    model = build()
    before = parts(model)
    log = model.train_step(class_batch('stst'), wrapper(model, BFloat16OptimWrapper, clip_grad=dict(max_norm=1.0)))
    for was, now in zip(before, parts(model)):
        assert not any(same(was, now))
    assert all(torch.isfinite(value).all() for value in log.values())
    assert log['classifier_discrepancy'].dtype == torch.float32


def test_terms_train_in_the_first_step(build, class_batch):
    model = build(terms=dict(dann=dict(type='DANN', in_channels=4, discriminator=dict(channels=5))))
    optim_wrapper, seen = wrapper(model), []
    grab = lambda *_: seen.append(model.terms['dann'].discriminator[0].weight.grad is None)  # noqa: E731
    optim_wrapper.optimizer.register_step_pre_hook(grab)
    log = model.train_step(class_batch('stst'), optim_wrapper)
    assert seen == [False] + [True] * 5
    assert 'loss_dann' in log


def test_what_was_frozen_stays_frozen(build, class_batch):
    model = build()
    model.student.backbone.conv.requires_grad_(False)
    before = model.student.backbone.conv.weight.clone()
    model.train_step(class_batch('stst'), wrapper(model))
    assert torch.equal(model.student.backbone.conv.weight, before)
    assert not model.student.backbone.conv.weight.requires_grad


@pytest.mark.parametrize('strong', [False, True])
def test_the_reversal_form_works_in_models_of_one_backward_pass(build, strong, view_batch):
    views = dict(target=dict(type='StrongView')) if strong else {}
    model = build(kind=UDAModel, terms=dict(mcd=dict(type='MCD', ramp_steps=10)), views=views)
    model.step.fill_(5)
    assert model.terms['mcd']._heads[0] is model.student.head
    assert not [name for name in model.state_dict() if name.startswith('terms.')]
    losses = model(**model.data_preprocessor(view_batch('stst'), training=True), mode='loss')
    assert losses['loss_mcd'] < 0
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(p.grad is not None for p in model.student.parameters())
    twin = copy.deepcopy(model)
    assert twin.terms['mcd']._heads[0] is twin.student.head


def test_bad_settings_are_named(build, tiny_classifier, class_batch):
    with pytest.raises(TypeError, match=r'MCDUDA compares two classifiers.*head is a LinearClsHead'):
        MCDUDA(task='classification', student=tiny_classifier())
    for options in (dict(num_generator_steps=0), dict(discrepancy_weight=0)):
        with pytest.raises(ValueError, match='give one step or more, and a positive weight'):
            build(**options)
    model = build()
    with pytest.raises(ValueError, match='accumulates gradients over several: set accumulative_counts=1'):
        model.train_step(class_batch('stst'), wrapper(model, accumulative_counts=2))
    data = model.data_preprocessor(class_batch('stst'), training=True)
    message = r'2 processes.*use one process, or UDAModel with terms=.*mmuda[.]MCD'
    with mock.patch('mmengine.dist.get_world_size', return_value=2), pytest.raises(RuntimeError, match=message):
        model(**data, mode='loss')
    assert model.step == 0
