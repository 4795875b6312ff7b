"""The examples in the docstrings of the package give what they say."""

import doctest
import importlib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

REPO = Path(__file__).resolve().parents[1]
FILES = [path for path in (REPO / 'mmuda').rglob('*.py') if '>>>' in path.read_text(encoding='utf-8')]
MODULES = sorted('.'.join(path.relative_to(REPO).with_suffix('').parts) for path in FILES)
NAMES = dict(SimpleNamespace=SimpleNamespace, nn=nn, torch=torch)


def names_of_models() -> dict:
    """What examples of terms, views and labellers are written with."""
    from mmuda.models.heads import TwoClassifierHead
    from mmuda.models.views import Normalization, View
    from mmuda.registry import MODELS

    return dict(MODELS=MODELS, Normalization=Normalization, TwoClassifierHead=TwoClassifierHead, View=View)


@pytest.mark.parametrize('name', MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write a file
    names = dict(NAMES)
    if name.startswith('mmuda.models'):
        pytest.importorskip('mmcv')
        pytest.importorskip('mmpretrain')
        names |= names_of_models()
    module = importlib.import_module(name)
    found = doctest.testmod(module, globs=names | vars(module))
    assert found.failed == 0
    assert found.attempted > 0
