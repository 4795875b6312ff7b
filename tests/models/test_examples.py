"""Each term, view and labeller has an example in its docstring; `tests/test_examples.py` runs it."""

import pkgutil

import pytest

pytest.importorskip('mmcv')
pytest.importorskip('mmpretrain')

from mmuda.models import labellers, terms, views
from mmuda.registry import MODELS

ROOMS = (terms, views, labellers)
MODULES = [f'{room.__name__}.{found.name}' for room in ROOMS for found in pkgutil.iter_modules(room.__path__)]


def test_every_part_that_a_config_names_has_one():
    parts = [part for part in MODELS.module_dict.values() if part.__module__ in MODULES]
    assert len(parts) > 20
    assert [part.__name__ for part in parts if '>>>' not in (part.__doc__ or '')] == []
