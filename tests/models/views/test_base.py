"""Rows of views: joined without a copy where they can be, and labels that count everywhere."""

from dataclasses import replace

import pytest
import torch

from mmuda.models.views import View, joined_rows


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_neighbours_are_not_copied(layout):
    rows = torch.randn(6, 3, 4, 5).contiguous(memory_format=layout)
    for sizes in ([2, 4], [1, 2, 3], [6]):
        found = joined_rows(rows.split(sizes))
        assert torch.equal(found, rows)
        assert found.data_ptr() == rows.data_ptr()
        assert found.stride() == rows.stride()
    middle = joined_rows([rows[1:3], rows[3:4]])
    assert torch.equal(middle, rows[1:4])
    assert middle.data_ptr() == rows[1:].data_ptr()


@pytest.mark.parametrize('case', ['swapped', 'apart', 'another memory', 'another order', 'with gradient', 'no rows'])
def test_all_other_rows_are(case):
    rows = torch.randn(6, 3, 4, 5)
    parts = {
        'swapped': [rows[2:], rows[:2]],
        'apart': [rows[:2], rows[3:]],
        'another memory': [rows[:2], rows[2:].clone()],
        'another order': [rows[:2], rows[2:].contiguous(memory_format=torch.channels_last)],
        'with gradient': list(rows.clone().requires_grad_().split(3)),
        'no rows': [rows[:0], rows],
    }[case]
    found = joined_rows(parts)
    assert torch.equal(found, torch.cat(parts))
    assert case == 'no rows' or found.data_ptr() != rows.data_ptr()


def test_a_label_counts_everywhere_as_long_as_it_is_the_same():
    label = torch.zeros(2, 4, 4)
    view = View(torch.zeros(2, 3, 4, 4), label=label, complete=label)
    assert view.counts_everywhere
    assert replace(view, inputs=view.inputs + 1).counts_everywhere
    assert not replace(view, label=label.clone()).counts_everywhere
    assert not replace(view, label=None, complete=None).counts_everywhere
