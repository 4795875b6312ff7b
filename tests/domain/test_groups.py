"""Who is paired with whom, and how a network completes the layout of its batch before a training pass."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from mmuda.domain import DomainBatch, DomainLayer, GroupDrawer, bind_domain_context, group_drawers


class Halves(GroupDrawer, nn.Module):
    """Puts the first pixel of each source image's label into its group map: shows what it was given."""

    def draw_groups(self, layout, inputs, label=None):
        bits = torch.zeros(len(layout), 1, 1, dtype=torch.bool)
        if label is not None:
            bits[: layout.num_source, 0, 0] = label[:, 0, 0] > 0
        return dataclasses.replace(layout, groups=(bits,) * inputs.shape[1])


class Reader(DomainLayer, nn.Module):
    def forward(self, x):
        return [int(group.sum()) for group in self.domain_batch(len(x)).groups]


@pytest.fixture
def net():
    return nn.Sequential(nn.Sequential(Halves()), Reader())


@pytest.mark.parametrize(
    'counts, targets, sources',
    [
        ((2, 2), (0, 1), (0, 1)),
        ((2, 3), (0, 1), (0, 1, 0)),
        ((3, 1), (0, 0, 0), (0,)),
        ((1, 3), (0,), (0, 0, 0)),
        ((5, 2), (0, 1, 0, 1, 0), (0, 1)),
    ],
)
def test_pairs_cycle(counts, targets, sources):
    layout = DomainBatch(*counts)
    assert layout.target_of_source() == targets
    assert layout.source_of_target() == sources
    assert all(type(row) is int for row in layout.target_of_source() + layout.source_of_target())


def test_what_follows_the_counts_has_a_name():
    with pytest.raises(TypeError, match='positional'):
        DomainBatch(1, 1, None)


def test_layouts_are_hybrid_by_default_and_differ_by_it():
    assert DomainBatch(1, 1).hybrid
    assert DomainBatch(1, 1) != DomainBatch(1, 1, hybrid=False)


def test_the_drawers_of_a_network_are_found_and_complete_the_layout(net):
    (drawer,) = group_drawers(net)
    context = bind_domain_context(net)
    x, label = torch.zeros(3, 3, 4, 4), torch.tensor([[[1]], [[0]]])
    layout = drawer.draw_groups(DomainBatch(2, 1), x, label)
    context.set(layout)
    assert (layout.num_source, layout.num_target, len(layout.groups)) == (2, 1, 3)
    assert net[1](x) == [1, 1, 1]
    context.set(drawer.draw_groups(DomainBatch(2, 1), x))
    assert net[1](x) == [0, 0, 0]


def test_a_network_may_have_no_drawer_or_be_one():
    assert group_drawers(nn.Sequential(Reader())) == ()
    net = Halves()
    assert group_drawers(net) == (net,)


def test_a_drawer_without_a_draw_says_so():
    class Lazy(GroupDrawer, nn.Module):
        pass

    with pytest.raises(TypeError, match='Lazy has no draw_groups'):
        Lazy().draw_groups(DomainBatch(1, 1), torch.zeros(2, 3, 4, 4))


def test_the_context_does_not_hold_the_network(net):
    """A copy of one layer is small, and a copy of a network draws for itself."""
    bind_domain_context(net)
    assert set(vars(net[1].domain_context)) == {'batch'}
    twin = copy.deepcopy(net)
    assert group_drawers(twin) == (twin[0][0],)
