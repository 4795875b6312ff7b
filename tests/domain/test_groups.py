"""Who is paired with whom, and how a network completes the layout of its batch before a training pass."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from mmuda.domain import DomainBatch, DomainLayer, bind_domain_context
from mmuda.domain.groups import GroupDrawer


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
    'counts, partner, targets, sources',
    [
        ((2, 2), None, (0, 1), (0, 1)),
        ((2, 3), None, (0, 1), (0, 1, 0)),
        ((3, 1), None, (0, 0, 0), (0,)),
        ((1, 3), None, (0,), (0, 0, 0)),
        ((5, 2), None, (0, 1, 0, 1, 0), (0, 1)),
        ((2, 2), (1, 0), (1, 0), (1, 0)),
        ((3, 2), (1, 1, 0), (1, 1, 0), (2, 0)),
        ((2, 2), (1, 1), (1, 1), (0, 0)),
        ((2, 4), (3, 0), (3, 0), (1, 1, 0, 0)),
    ],
)
def test_pairs_cycle_unless_partner_names_them(counts, partner, targets, sources):
    layout = DomainBatch(*counts, partner=partner)
    assert layout.target_of_source() == targets
    assert layout.source_of_target() == sources
    assert all(type(row) is int for row in layout.target_of_source() + layout.source_of_target())


@pytest.mark.parametrize('partner', [(0,), (0, 1, 0), (0, 2), (-1, 0)])
def test_a_partner_that_does_not_fit_the_batch_is_refused(partner):
    with pytest.raises(ValueError, match=r'partner=.*2 target.*2 source'):
        DomainBatch(2, 2, partner=partner)


def test_layouts_are_hybrid_by_default_and_differ_by_it():
    assert DomainBatch(1, 1).hybrid
    assert DomainBatch(1, 1) != DomainBatch(1, 1, hybrid=False)
    assert DomainBatch(1, 1, partner=(0,)) != DomainBatch(1, 1)


def test_the_context_asks_the_drawer_inside_the_network(net):
    context = bind_domain_context(net)
    x, label = torch.zeros(3, 3, 4, 4), torch.tensor([[[1]], [[0]]])
    layout = context.draw(DomainBatch(2, 1), x, label)
    context.set(layout)
    assert (layout.num_source, layout.num_target, len(layout.groups)) == (2, 1, 3)
    assert net[1](x) == [1, 1, 1]
    context.set(context.draw(DomainBatch(2, 1), x))
    assert net[1](x) == [0, 0, 0]


def test_without_a_drawer_the_layout_stays_as_it_is():
    net = nn.Sequential(Reader())
    context = bind_domain_context(net)
    layout = DomainBatch(1, 2)
    assert context.draw(layout, torch.zeros(3, 3, 4, 4)) is layout


def test_a_network_that_is_the_drawer_itself_is_asked():
    net = Halves()
    layout = bind_domain_context(net).draw(DomainBatch(1, 1), torch.zeros(2, 3, 4, 4))
    assert len(layout.groups) == 3


def test_a_drawer_added_later_is_found_by_binding_again():
    net = nn.Sequential(Reader())
    context = bind_domain_context(net)
    net.append(Halves())
    assert bind_domain_context(net) is context
    assert context.draw(DomainBatch(1, 1), torch.zeros(2, 3, 4, 4)).groups is not None


def test_a_deep_copy_asks_its_own_drawer(net):
    context = bind_domain_context(net)
    teacher = copy.deepcopy(net)
    asked = []
    teacher[0][0].draw_groups = lambda layout, inputs, label=None: asked.append(layout) or layout
    other = bind_domain_context(teacher)
    other.draw(DomainBatch(2, 0), torch.zeros(2, 3, 4, 4))
    assert asked == [DomainBatch(2, 0)]
    assert context.draw(DomainBatch(1, 1), torch.zeros(2, 3, 4, 4)).groups is not None
    assert len(asked) == 1
