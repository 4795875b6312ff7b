"""Each term, view and labeller has an example in its docstring, which gives what it says."""

import doctest
import importlib
import pkgutil
from types import SimpleNamespace

import pytest
import torch
from torch import nn

pytest.importorskip('mmcv')
pytest.importorskip('mmpretrain')

from mmuda.models import labellers, terms, views
from mmuda.models.heads import TwoClassifierHead
from mmuda.models.views import Normalization, View
from mmuda.registry import MODELS

ROOMS = (terms, views, labellers)
MODULES = [f'{room.__name__}.{found.name}' for room in ROOMS for found in pkgutil.iter_modules(room.__path__)]
NAMES = dict(
    MODELS=MODELS,
    Normalization=Normalization,
    SimpleNamespace=SimpleNamespace,
    TwoClassifierHead=TwoClassifierHead,
    View=View,
    nn=nn,
    torch=torch,
)


@pytest.mark.parametrize('name', MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name), extraglobs=NAMES).failed == 0


def test_every_part_that_a_config_names_has_one():
    parts = [part for part in MODELS.module_dict.values() if part.__module__ in MODULES]
    assert len(parts) > 20
    assert [part.__name__ for part in parts if '>>>' not in (part.__doc__ or '')] == []
