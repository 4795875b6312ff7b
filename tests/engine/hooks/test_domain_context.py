"""A stock model's batches are sorted and its layers told."""

from types import SimpleNamespace

from torch import nn

from mmuda.domain import DomainBatch, DomainLayer
from mmuda.engine.hooks import DomainContextHook


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
