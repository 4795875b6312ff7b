"""What a pass with hybrid attention shows; the picture and its numbers are tested with the tool that draws it."""

from mmuda.apis.hybrid_groups import in_pairs, name_of
from mmuda.domain import DomainBatch


def test_pairs_stand_together():
    names = [[name_of(layout, row) for row in in_pairs(layout)] for layout in (DomainBatch(2, 3), DomainBatch(3, 1))]
    assert names[0] == ['source 1', 'target 1', 'source 2', 'target 2', 'target 3']
    assert names[1] == ['source 1', 'target 1', 'source 2', 'source 3']
