"""Every row of Tables 1 and 2 of the STCT paper has its leaf, and the pages of the method know it."""

import re
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from mmuda import compat
from mmuda.registry import MODELS

pytest.importorskip('mmseg')
compat.apply()

REPO = Path(__file__).parents[2]
STCT = REPO / 'configs' / 'stct'
PAPER = 'stct-mha_daformer_mit-b5_gta2cs'
DEFAULTS = dict(mha_stages=(0, 1, 2, 3), direction='both', strategy='semantic', num_scattered=0)
# the end of the leaf's name, mIoU, what differs from the defaults
TABLES = [
    ('', '68.05', {}),
    ('_stages-1', '57.21', dict(mha_stages=(0,))),
    ('_stages-2', '58.87', dict(mha_stages=(1,))),
    ('_stages-3', '65.70', dict(mha_stages=(2,))),
    ('_stages-4', '57.51', dict(mha_stages=(3,))),
    ('_stages-1-2', '60.71', dict(mha_stages=(0, 1))),
    ('_stages-2-3', '66.34', dict(mha_stages=(1, 2))),
    ('_stages-3-4', '66.79', dict(mha_stages=(2, 3))),
    ('_stages-1-2-3', '66.29', dict(mha_stages=(0, 1, 2))),
    ('_stages-2-3-4', '67.87', dict(mha_stages=(1, 2, 3))),
    ('_non-grouping', '61.91', dict(strategy='none')),
    ('_random', '63.37', dict(strategy='random')),
    ('_hvh', '64.55', dict(strategy='hvh')),
    ('_hvr', '64.93', dict(strategy='hvr')),
    ('_cutout', '65.07', dict(strategy='cutout')),
    ('_scattered-1', '67.65', dict(strategy='scattered-semantic', num_scattered=1)),
    ('_scattered-4', '65.94', dict(strategy='scattered-semantic', num_scattered=4)),
    ('_scattered-8', '65.83', dict(strategy='scattered-semantic', num_scattered=8)),
    ('_scattered-12', '64.58', dict(strategy='scattered-semantic', num_scattered=12)),
    ('_scattered-all', '63.37', dict(strategy='scattered-semantic', num_scattered=20)),
    ('_s2t', '55.91', dict(direction='s2t')),
    ('_t2s', '58.38', dict(direction='t2s')),
]
ROWS = pytest.mark.parametrize('end, miou, settings', TABLES, ids=[row[0] or 'all stages' for row in TABLES])


def backbone(end):
    return Config.fromfile(STCT / f'{PAPER}{end}.py').model.student.backbone.to_dict()


@ROWS
def test_the_leaf_has_the_settings_and_the_figure(end, miou, settings):
    cfg = DEFAULTS | backbone(end)
    assert cfg['type'] == 'mmuda.MHAMixVisionTransformer'
    assert {key: cfg[key] for key in DEFAULTS} == DEFAULTS | settings
    assert f': {miou} mIoU. Not run here.' in (STCT / f'{PAPER}{end}.py').read_text()


@ROWS
def test_the_backbone_takes_the_settings(end, miou, settings):
    """At the size of MiT-B0 with one layer a stage."""
    net = MODELS.build(backbone(end) | dict(num_layers=[1] * 4, embed_dims=32, init_cfg=None))
    assert {key: getattr(net, key) for key in settings} == settings


@ROWS
def test_the_readme_links_the_figure(end, miou, settings):
    assert f'[{miou}]({PAPER}{end}.py)' in (STCT / 'README.md').read_text()


@ROWS
def test_the_metafile_has_the_figure(end, miou, settings):
    entry = {model['Name']: model for model in metafile()}[f'{PAPER}{end}']
    assert entry['Results'][0]['Metrics'] == dict(mIoU=float(miou))


def test_the_metafile_lists_leaves_that_exist():
    for model in metafile():
        assert (REPO / model['Config']).is_file()
        assert Path(model['Config']).stem == model['Name']


def test_the_readme_links_files_that_exist():
    links = re.findall(r'\]\(([^):#]+)\)', (STCT / 'README.md').read_text())
    assert links
    assert [link for link in links if not (STCT / link).exists()] == []


def metafile():
    return yaml.safe_load((STCT / 'metafile.yml').read_text())['Models']
