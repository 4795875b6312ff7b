"""The table of DDP's settings: ratios and differences are to the first one."""

import sys
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parents[2] / 'tools/benchmark'


def test_a_setting_is_compared_with_the_first(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    tool = sys.modules.get('data_parallel') or __import__('data_parallel')
    times = {tool.DEFAULT: [tool.Elapsed(2.0, 1.0)], 'static_graph': [tool.Elapsed(3.0, 0.5)]}
    gradients = {tool.DEFAULT: [torch.tensor([4.0, 0.0])], 'static_graph': [torch.tensor([4.0, 0.2])]}
    first, second = tool.rows(times, gradients)
    assert first[3:] == ('1.000', '1.000', '0e+00')
    assert second[3:] == ('1.500', '0.500', '5e-02')
