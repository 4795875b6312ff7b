"""The domain contract: layout, context, layer, checkpointing, sorting."""

import copy

import pytest
import torch
from torch import nn

from mmuda.domain import DomainBatch, DomainLayer, bind_domain_context, domain_checkpoint, sort_by_domain


class Scale(DomainLayer, nn.Module):
    """Doubles the source and triples the target: a layer that is wrong whenever its layout is."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        if not self.training:
            return x
        source, target = self.domain_batch(len(x)).split(x)
        return torch.cat((2 * source, 3 * target)) * self.weight


@pytest.fixture
def net():
    return nn.Sequential(nn.Identity(), Scale(), nn.Sequential(Scale()))


def test_a_layout_counts_and_splits():
    batch = DomainBatch(1, 2)
    source, target = batch.split(torch.arange(3))
    assert len(batch) == 3
    assert source.tolist() == [0]
    assert target.tolist() == [1, 2]
    with pytest.raises(ValueError, match='must not be negative'):
        DomainBatch(-1, 2)
    with pytest.raises(AttributeError):
        batch.num_source = 4


def test_all_layers_of_a_network_share_one_holder_and_binding_twice_keeps_it(net):
    context = bind_domain_context(net)
    assert net[1].domain_context is net[2][0].domain_context is context
    net.append(Scale())
    assert bind_domain_context(net) is context
    assert net[3].domain_context is context


def test_layers_follow_the_layout_of_each_pass(net):
    context = bind_domain_context(net)
    context.set(DomainBatch(1, 1))
    assert net(torch.ones(2)).tolist() == [4, 9]
    context.set(DomainBatch(2, 0))
    assert net(torch.ones(2)).tolist() == [4, 4]


def test_a_deep_copy_has_a_context_of_its_own(net):
    bind_domain_context(net).set(DomainBatch(1, 1))
    teacher = copy.deepcopy(net)
    bind_domain_context(teacher).set(DomainBatch(2, 0))
    assert net(torch.ones(2)).tolist() == [4, 9]
    assert teacher(torch.ones(2)).tolist() == [4, 4]
    assert teacher[1].domain_context is teacher[2][0].domain_context


def test_training_without_the_right_layout_names_the_hook_and_evaluation_needs_none(net):
    with pytest.raises(RuntimeError, match=r'without a domain layout.*DomainContextHook'):
        net(torch.ones(2))
    bind_domain_context(net).set(DomainBatch(1, 2))
    with pytest.raises(RuntimeError, match=r'got 2 samples.*1 source \+ 2 target.*DomainContextHook'):
        net(torch.ones(2))
    assert net.eval()(torch.ones(2)).tolist() == [1, 1]


def test_checkpointing_recomputes_under_the_layout_of_its_forward_pass(net):
    context = bind_domain_context(net)
    gradients = []
    for run in (lambda x: net(x), lambda x: domain_checkpoint(net, x, context=context)):
        net.zero_grad()
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        context.set(DomainBatch(1, 1))
        first = run(x)
        context.set(DomainBatch(2, 0))
        (first.sum() + run(x).sum()).backward()
        gradients.append([x.grad.tolist(), net[1].weight.grad.item(), net[2][0].weight.grad.item()])
        assert context.batch == DomainBatch(2, 0)
    assert gradients[0] == gradients[1]


def test_sorting_is_stable_and_keeps_images_with_their_samples(domain_batch):
    data = domain_batch('tstss')
    before = {id(sample): image for image, sample in zip(data['inputs'], data['data_samples'], strict=True)}
    data, layout = sort_by_domain(data)
    assert layout == DomainBatch(3, 2)
    assert [sample.img_path for sample in data['data_samples']] == ['s1.png', 's3.png', 's4.png', 't0.png', 't2.png']
    assert all(before[id(sample)] is image for image, sample in zip(data['inputs'], data['data_samples'], strict=True))


def test_a_sample_without_domain_is_named(domain_batch):
    data = domain_batch('st')
    del data['data_samples'][1].domain
    with pytest.raises(ValueError, match=r't1\.png carries domain=None.*DomainDataset'):
        sort_by_domain(data)
    with pytest.raises(ValueError, match='data_samples'):
        sort_by_domain(dict(inputs=data['inputs']))


def test_stacked_images_move_with_their_samples(domain_batch):
    data = domain_batch('ts')
    stacked = torch.stack(data['inputs'])
    result, _ = sort_by_domain(dict(inputs=stacked, data_samples=data['data_samples']))
    assert torch.equal(result['inputs'], stacked[[1, 0]])


def test_checkpointing_finds_the_context_and_moves_running_statistics_once():
    norm = nn.BatchNorm1d(3, momentum=0.5)
    net = nn.Sequential(Scale(), norm)
    bind_domain_context(net).set(DomainBatch(1, 1))
    x = torch.randn(2, 3, requires_grad=True)
    domain_checkpoint(net, x).sum().backward()
    assert norm.num_batches_tracked == 1
    torch.testing.assert_close(norm.running_mean, 0.5 * (x.detach() * torch.tensor([[2.0], [3.0]])).mean(0))
    with pytest.raises(ValueError, match='no bound domain layer'):
        domain_checkpoint(nn.Identity(), x)
