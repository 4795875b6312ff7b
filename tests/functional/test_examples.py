"""The examples in the docstrings of this room give what they say."""

import doctest
import importlib
import pkgutil

import pytest
import torch

import mmuda.functional


@pytest.mark.parametrize('name', [module.name for module in pkgutil.iter_modules(mmuda.functional.__path__)])
def test_examples(name):
    module = importlib.import_module(f'mmuda.functional.{name}')
    assert doctest.testmod(module, extraglobs=dict(torch=torch)).failed == 0
