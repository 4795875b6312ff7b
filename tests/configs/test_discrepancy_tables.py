"""The figures that ACDA's Tables 1 to 4 print for DAN, JAN and MCD have their leaves, and the pages know them."""

import re
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).parents[2]
METHODS = ('dan', 'jan', 'mcd')
# a leaf, the table of ACDA's paper and its mean accuracy
TABLES = [
    ('dan_resnet50_office31', 'Table 1', '80.4'),
    ('jan_resnet50_office31', 'Table 1', '84.3'),
    ('mcd_resnet50_office31', 'Table 1', '86.6'),
    ('dan_resnet50_officehome', 'Table 2', '56.3'),
    ('jan_resnet50_officehome', 'Table 2', '58.3'),
    ('dan_resnet50_imageclef', 'Table 3', '82.5'),
    ('jan_resnet50_imageclef', 'Table 3', '85.8'),
    ('dan_resnet101_visda', 'Table 4', '61.1'),
    ('mcd_resnet101_visda', 'Table 4', '71.9'),
]


def folder(method: str) -> Path:
    return REPO / 'configs' / method


def metafile(method: str) -> dict:
    return {model['Name']: model for model in yaml.safe_load((folder(method) / 'metafile.yml').read_text())['Models']}


@pytest.mark.parametrize('leaf, table, accuracy', TABLES, ids=[row[0] for row in TABLES])
def test_a_figure_has_its_leaf(leaf, table, accuracy):
    method = leaf.partition('_')[0]
    header = (folder(method) / f'{leaf}.py').read_text()
    assert re.search(
        rf"^# Expected, from ACDA's paper \({table}(,.*)?\): {accuracy} % accuracy. Not run here.$",
        header,
        re.MULTILINE,
    )
    (result,) = metafile(method)[leaf]['Results']
    assert (result['Metrics'], result['Measured']) == (dict(accuracy=float(accuracy)), False)
    assert table in result['Dataset']
    assert f'[{accuracy}]({leaf}.py)' in (folder(method) / 'README.md').read_text()


@pytest.mark.parametrize('method', METHODS)
def test_no_other_leaf_has_a_figure(method):
    published = {leaf for leaf, _, _ in TABLES if leaf.startswith(f'{method}_')}
    assert {name for name, model in metafile(method).items() if 'Results' in model} == published
    for path in folder(method).glob('*.py'):
        assert ("# Expected, from ACDA's paper" in path.read_text()) == (path.stem in published)


@pytest.mark.parametrize('method', METHODS)
def test_the_pages_list_what_exists(method):
    here = folder(method)
    links = set(re.findall(r'\]\(([^):#]+)\)', (here / 'README.md').read_text()))
    assert [link for link in links if not (here / link).exists()] == []
    leaves = {path.stem for path in here.glob('*.py')}
    assert {Path(link).stem for link in links if '/' not in link} == leaves
    assert metafile(method).keys() == leaves
    assert all(model['Config'] == f'configs/{method}/{name}.py' for name, model in metafile(method).items())
