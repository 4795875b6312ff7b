"""Every row of Tables 1 and 2 of the STCT paper is in the README, with options that are what the row says."""

from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from mmuda import compat
from mmuda.apis import load_config
from mmuda.registry import MODELS

pytest.importorskip('mmseg')
compat.apply()

from readme_lines import REPO, lines_of

STCT = REPO / 'configs' / 'stct'
LEAF = 'configs/stct/gta2cs.py'
LINES = [line for line in lines_of(STCT / 'README.md') if line.leaf == LEAF]
DEFAULTS = dict(mha_stages=(0, 1, 2, 3), direction='both', strategy='semantic', num_scattered=0)
# what the row says first, mIoU, what differs from the defaults
TABLES = [
    ('1, 2, 3, 4', '68.05', {}),
    ('1', '57.21', dict(mha_stages=(0,))),
    ('2', '58.87', dict(mha_stages=(1,))),
    ('3', '65.70', dict(mha_stages=(2,))),
    ('4', '57.51', dict(mha_stages=(3,))),
    ('1, 2', '60.71', dict(mha_stages=(0, 1))),
    ('2, 3', '66.34', dict(mha_stages=(1, 2))),
    ('3, 4', '66.79', dict(mha_stages=(2, 3))),
    ('1, 2, 3', '66.29', dict(mha_stages=(0, 1, 2))),
    ('2, 3, 4', '67.87', dict(mha_stages=(1, 2, 3))),
    ('none', '61.91', dict(strategy='none')),
    ('random', '63.37', dict(strategy='random')),
    ('halves (hvh)', '64.55', dict(strategy='hvh')),
    ('random cut (hvr)', '64.93', dict(strategy='hvr')),
    ('cutout', '65.07', dict(strategy='cutout')),
    ('semantic', '68.05', {}),
    ('semantic, 1 class scattered', '67.65', dict(strategy='scattered-semantic', num_scattered=1)),
    ('semantic, 4 classes scattered', '65.94', dict(strategy='scattered-semantic', num_scattered=4)),
    ('semantic, 8 classes scattered', '65.83', dict(strategy='scattered-semantic', num_scattered=8)),
    ('semantic, 12 classes scattered', '64.58', dict(strategy='scattered-semantic', num_scattered=12)),
    ('semantic, all classes (14) scattered', '63.37', dict(strategy='scattered-semantic', num_scattered=20)),
    ("source's queries (s2t)", '55.91', dict(direction='s2t')),
    ("target's queries (t2s)", '58.38', dict(direction='t2s')),
]
ROWS = pytest.mark.parametrize('row, miou, settings', TABLES, ids=[row[0] for row in TABLES])


def backbone(row, miou):
    """Of the line with this row and figure, if there is one."""
    (line,) = [line for line in LINES if line.row == f'{row} | {miou}']
    cfg = load_config(REPO / LEAF, line.options).model.student.backbone.to_dict()
    assert cfg['type'] == 'mmuda.MHAMixVisionTransformer'
    return cfg


@ROWS
def test_the_row_has_the_settings(row, miou, settings):
    cfg = DEFAULTS | backbone(row, miou)
    assert {key: cfg[key] for key in DEFAULTS} == DEFAULTS | settings


@ROWS
def test_the_backbone_takes_the_settings(row, miou, settings):
    """At the size of MiT-B0 with one layer a stage."""
    net = MODELS.build(backbone(row, miou) | dict(num_layers=[1] * 4, embed_dims=32, init_cfg=None))
    assert {key: getattr(net, key) for key in DEFAULTS} == DEFAULTS | settings


def test_without_hybrid_attention_it_is_the_plain_network():
    (line,) = {str(line): line for line in LINES if line.row.startswith('none | 56.65')}.values()
    plain = load_config(REPO / LEAF, line.options).model.student
    assert plain == Config.fromfile(REPO / 'configs/source_only/source-only_daformer_mit-b5_gta2cs.py').model


@pytest.mark.parametrize(
    'leaf, miou, table', [('gta2cs', '68.05', 'Tables 1 and 2'), ('synthia2cs', '59.8', 'Table 3')]
)
def test_a_headline_has_its_leaf(leaf, miou, table):
    assert f'# Expected, from the paper ({table}): {miou} mIoU' in (STCT / f'{leaf}.py').read_text()
    entry = {model['Name']: model for model in metafile()}[leaf]
    assert float(miou) in entry['Results'][0]['Metrics'].values()


def test_the_metafile_lists_leaves_that_exist():
    for model in metafile():
        assert (REPO / model['Config']).is_file()
        assert Path(model['Config']).stem == model['Name']


def metafile():
    return yaml.safe_load((STCT / 'metafile.yml').read_text())['Models']
