"""The page is whole: everything inside one file, names escaped, and pictures of each role."""

import re

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
