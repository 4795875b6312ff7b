"""A stock model's batches are sorted and its layers told."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmuda.domain import DomainBatch, DomainLayer
from mmuda.engine.hooks import DomainContextHook
from mmuda.engine.hooks.domain_context import MEANS_WITH_IGNORED
from mmuda.registry import MODELS


class Layer(DomainLayer, nn.Module):
    pass


def test_it_binds_sorts_in_place_and_sets_the_layout(domain_batch):
    model = nn.Sequential(Layer())
    hook, run, data = DomainContextHook(), SimpleNamespace(model=model), domain_batch('tst')
    hook.before_train(run)
    hook.before_train_iter(run, 0, data)
    assert [sample.img_path for sample in data['data_samples']] == ['s1.png', 't0.png', 't2.png']
    assert model[0].domain_batch(3) == DomainBatch(1, 2)


def test_a_uda_model_does_this_by_itself(domain_batch):
    model = SimpleNamespace(student=nn.Identity(), domain_context=object())
    hook, run, data = DomainContextHook(), SimpleNamespace(model=model), domain_batch('ts')
    hook.before_train(run)
    hook.before_train_iter(run, 0, data)
    assert [sample.domain for sample in data['data_samples']] == ['target', 'source']


@pytest.mark.parametrize('sigmoid', [False, True])
def test_ignored_target_pixels_do_not_lower_the_loss_of_a_stock_model(domain_batch, tiny_student, sigmoid, monkeypatch):
    """mmseg's default averages over them: with as many target images the loss would be half."""
    told = []
    monkeypatch.setattr('mmuda.engine.hooks.domain_context.print_log', lambda text, *args: told.append(text))
    student = tiny_student()
    student['decode_head']['loss_decode'] = dict(type='CrossEntropyLoss', use_sigmoid=sigmoid)
    model = MODELS.build(student).eval()
    DomainContextHook().before_train(SimpleNamespace(model=model))
    batch = domain_batch('sstt')
    losses = [
        model(**model.data_preprocessor(dict(inputs=x, data_samples=y), training=True), mode='loss')
        for x, y in ((batch['inputs'], batch['data_samples']), (batch['inputs'][:2], batch['data_samples'][:2]))
    ]
    torch.testing.assert_close(losses[0]['decode.loss_ce'], losses[1]['decode.loss_ce'])
    assert told == [
        'CrossEntropyLoss: avg_non_ignore=True from now on: target pixels are ignored and would lower the average.'
    ]


@pytest.mark.parametrize('name', MEANS_WITH_IGNORED)
def test_losses_that_cannot_be_told_are_named(name, monkeypatch):
    told = []
    monkeypatch.setattr('mmuda.engine.hooks.domain_context.print_log', lambda text, *args: told.append(text))
    DomainContextHook().before_train(SimpleNamespace(model=nn.ModuleList([MODELS.build(dict(type=f'mmseg.{name}'))])))
    assert told[0].startswith(f'{name} of mmseg averages over all images')
