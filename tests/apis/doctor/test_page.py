"""The page is whole: everything inside one file, names escaped, and pictures of each role."""

import re

import numpy as np

from mmuda.apis.doctor import find, read_roles, survey_roles, write_page

from .conftest import picture


def page(streets, cfg) -> str:
    surveys = survey_roles(read_roles(cfg), nproc=1)
    write_page(streets.root / 'data.html', 'my <config>', surveys, find(surveys))
    return (streets.root / 'data.html').read_text(encoding='utf-8')


def test_it_shows_roles_classes_and_samples(streets):
    html = page(streets, streets.cfg(classes=['road', '<b>car</b>', 'sky']))
    assert 'Ready: nothing was found' in html
    assert 'my &lt;config&gt;' in html
    assert '&lt;b&gt;car&lt;/b&gt;' in html
    assert '<b>car' not in html
    assert len(re.findall('<img src="data:image/jpeg;base64,', html)) == 12
    assert html.count('class="bar"') == 6


def test_labels_of_a_stock_set_count_by_its_own_table(streets):
    """Label 0 is no class here, and label 1 the first one."""
    cfg = streets.cfg()
    part = dict(
        type='mmseg.BaseSegDataset',
        data_root=str(streets.root),
        img_suffix='.png',
        data_prefix=dict(img_path='source/images', seg_map_path='source/labels'),
        metainfo=dict(classes=['car', 'sky'], palette=[[0, 0, 0], [9, 9, 9]]),
        reduce_zero_label=True,
        pipeline=[],
    )
    cfg.train_dataloader.dataset = part
    surveys = survey_roles(read_roles(cfg), nproc=1)
    ids = np.random.default_rng(0).integers(0, 3, (60, 80))
    assert surveys[0].looks[0].pixels == {255: (ids == 0).sum(), 0: (ids == 1).sum(), 1: (ids == 2).sum()}
    write_page(streets.root / 'data.html', 'stock', surveys, find(surveys))


def test_pictures_of_16_bits_and_of_one_row(streets):
    for n in range(4):
        streets.tiff('target', n, np.full((1, 900, 3), 100 * 257, np.uint16))
    assert '<dt>mean value</dt><dd>100</dd>' in page(streets, streets.cfg())


def test_it_loads_nothing(streets):
    html = page(streets, streets.cfg())
    assert not re.search(r'(src|href)="(?!data:)|@import|url\(|<script', html)


def test_it_shows_pairs_and_roles_that_cannot_be_built(streets):
    streets.image('val', 2, picture(1))
    (streets.root / 'target/images').rename(streets.root / 'elsewhere')
    html = page(streets, streets.cfg())
    assert html.count('class="pair"') == 1
    assert 'Not ready: 1 error' in html
    assert 'target/images' in html
