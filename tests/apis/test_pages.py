"""Pages of HTML: their colours can be read in both schemes."""

import re

import pytest


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_colours_can_be_read(repo, scheme):
    """Text has 4.5 times the luminance of what is behind it, lines and bars 3 times (WCAG AA)."""
    css = ''.join((repo / 'mmuda/apis/pages' / name).read_text() for name in ('style.css', 'report.html'))
    dark = re.findall(r'prefers-color-scheme: dark\) \{ :root \{(.*?)\}', css, re.DOTALL)
    light = re.findall(r'^:root \{(.*?)\}', css, re.DOTALL | re.MULTILINE)
    found = dict(re.findall(r'--(\w+): (#\w+)', ''.join(light + dark if scheme == 'dark' else light)))
    assert len(light) == len(dark) == 2
    for paper in ('paper', 'card'):
        for ink in ('ink', 'soft', 'error', 'warning', 'good', 'note'):
            assert contrast(found[ink], found[paper]) >= 4.5, (ink, paper)
        for group in range(6):
            assert contrast(found[f'g{group}'], found[paper]) >= 3, (group, paper)


def contrast(one: str, other: str) -> float:
    """Of two colours, ``#rgb`` or ``#rrggbb``: the ratio of their luminances (WCAG 2.1)."""
    darker, brighter = sorted(map(luminance, (one, other)))
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else ''.join(2 * digit for digit in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
