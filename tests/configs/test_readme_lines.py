"""Every line of options in the pages reads, changes what it names, has readers for its keys, and builds."""

import copy
import functools
import re
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

for library in ('mmseg', 'mmpretrain', 'torchvision'):
    pytest.importorskip(library)

from readme_lines import PAGES, REPO, Line, all_lines, lines_of

from mmuda.apis import load_config
from mmuda.apis.preflight import check_config, check_schedule
from mmuda.registry import MODELS

LINES = all_lines()
CHEAP = re.compile(r'lenet|dtn_mnist|cnn2|resnet18|toy')
"""Leaves whose networks build in an instant."""


@functools.cache
def leaf(path: str) -> Config:
    return load_config(REPO / path)


def without_weights(node) -> None:
    if isinstance(node, dict):
        node.pop('init_cfg', None)
        for value in node.values():
            without_weights(value)


def value_at(cfg: Config, key: str):
    """What stands under a dotted key, or the key itself where nothing does."""
    node = cfg
    for part in key.split('.'):
        try:
            node = node[int(part) if isinstance(node, list) else part]
        except (KeyError, IndexError, TypeError):
            return key
    return node


@pytest.mark.parametrize('line', LINES, ids=str)
def test_a_line_reads_and_changes_what_it_names(line: Line):
    cfg = load_config(REPO / line.leaf, line.options)
    check_config(cfg, 'train')
    check_schedule(cfg)
    plain = leaf(line.leaf)
    for key, value in line.options.items():
        if '.' in key or key == 'load_from':
            assert value_at(cfg, key) == value
            assert value_at(plain, key) != value, f'{key} is that already'
        else:
            others = {name: option for name, option in line.options.items() if name != key}
            assert load_config(REPO / line.leaf, others).to_dict() != cfg.to_dict(), f'{key} changes nothing'


@pytest.mark.parametrize('line', [line for line in LINES if 'load_from' in line.options], ids=str)
def test_a_start_is_the_end_of_the_twin(line: Line):
    """The checkpoint that a source-only training of the same network ends with."""
    path = Path(line.options['load_from'])
    source_only = leaf(f'configs/source_only/{path.parent.name}.py')
    assert path.name == f'iter_{source_only.train_cfg.max_iters}.pth'
    student = leaf(line.leaf).model.student.to_dict()
    student['backbone']['type'] = 'mmuda.MixVisionTransformer' if 'mit' in path.parent.name else 'MobileNetV2'
    assert student == source_only.model.to_dict()


@pytest.mark.parametrize('line', [line for line in LINES if CHEAP.search(line.leaf)], ids=str)
def test_the_model_of_a_line_builds(line: Line):
    cfg = copy.deepcopy(load_config(REPO / line.leaf, line.options))
    without_weights(cfg.model)
    with DefaultScope.overwrite_default_scope('mmuda'):
        assert MODELS.build(cfg.model) is not None


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.parent.name)
def test_a_page_links_leaves_that_exist(page):
    links = re.findall(r'\]\(([^):#]+)\)', page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
    for line in lines_of(page):
        assert (REPO / line.leaf).is_file(), line


def test_no_leaf_of_earlier_versions_is_missing():
    """Whoever had one finds the command that it is now."""
    text = (REPO / 'docs' / 'moved_configs.md').read_text()
    gone = re.findall(r'^\| `(\S+)` \|', text, re.MULTILINE)
    assert len(gone) == len(set(gone)) > 150
    assert [name for name in gone if (REPO / 'configs' / f'{name}.py').exists()] == []
