"""The picture of hybrid attention."""

import numpy as np
import pytest

from mmuda.visualization import AttentionReport, attention_figure, default_palette, split_overlay

FIRST, SECOND = default_palette(2)
RNG = np.random.default_rng(0)


def report(depths=(2, 1), grouped=True, **changes):
    """Of two pairs of images of 16 × 24 pixels."""
    images = RNG.integers(0, 256, (4, 16, 24, 3), dtype=np.uint8)
    layers = [(stage, block) for stage, depth in enumerate(depths, 1) for block in range(1, depth + 1)]
    groups = RNG.random((4, 4, 6)) < 0.5
    fields = dict(
        images=list(images),
        names=['source 1', 'target 1', 'source 2', 'target 2'],
        source_mass={layer: np.array([0.25, 0.35]) for layer in layers},
        target_mass={layer: np.array([0.7, 0.9]) for layer in layers},
        maps={'stage 1': groups, 'keys': groups[:, ::2, ::2]} if grouped else {},
        shares={'stage 1 queries': groups.mean((1, 2))} if grouped else {},
        title='a picture',
    )
    return AttentionReport(**(fields | changes))


def heights(axis):
    return [round(patch.get_height(), 6) for patch in axis.patches]


def titles(figure):
    return [axis.get_title() or axis.get_title(loc='left') for axis in figure.axes]


def test_a_group_has_its_colour_and_its_cells():
    groups = np.array([[True, False], [False, False]])
    picture = split_overlay(np.zeros((4, 6, 3), np.uint8), groups, opacity=1.0)
    assert (picture[:2, :3] == FIRST).all()
    assert (picture[2:] == SECOND).all()
    assert (picture[:2, 3:] == SECOND).all()


def test_the_image_shows_through_without_its_colours():
    image = RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    picture = split_overlay(image, np.ones((2, 2), bool), opacity=0.0)
    assert picture.min() >= 90
    assert (picture == picture[..., :1]).all()


def test_rows_are_images_and_columns_are_grids():
    figure = attention_figure(report())
    assert titles(figure)[:3] == ['image', 'stage 1', 'keys']
    assert [axis.get_ylabel() for axis in figure.axes[: 4 * 3 : 3]] == ['source 1', 'target 1', 'source 2', 'target 2']
    assert len(figure.axes) == 4 * 3 + 2


def test_bars_are_means_over_images():
    drawn = report()
    groups = drawn.shares['stage 1 queries']
    shares, mass = attention_figure(drawn).axes[-2:]
    first = 1 - groups.mean()
    assert [bar.get_width() for bar in shares.patches] == pytest.approx([1 - first, first])
    assert heights(mass) == [0.3] * 3 + [0.8] * 3


def test_stages_stand_apart_and_have_names():
    mass = attention_figure(report(depths=(2, 1))).axes[-1]
    first, second, third = mass.get_xticks()
    assert third - second > second - first
    assert [text.get_text() for text in mass.texts if text.get_text().startswith('stage')] == ['stage 1', 'stage 2']
    assert [label.get_text() for label in mass.get_xticklabels()] == ['1', '2', '1']


def test_many_layers_go_without_numbers():
    mass = attention_figure(report(depths=(3, 6, 40, 3))).axes[-1]
    assert len(mass.get_xticks()) == 0
    assert len(mass.patches) == 2 * 52


def test_without_groups_there_are_images_and_one_chart():
    figure = attention_figure(report(grouped=False))
    assert titles(figure) == ['source 1', 'target 1', 'source 2', 'target 2', 'Attention that goes to the other domain']


def test_the_picture_can_be_written(tmp_path):
    attention_figure(report()).savefig(tmp_path / 'picture.png', dpi=40)
    assert (tmp_path / 'picture.png').stat().st_size > 1000


def test_a_report_that_does_not_fit():
    with pytest.raises(ValueError, match="4 images has 1 for map 'keys'"):
        report(maps={'keys': np.ones((1, 2, 2), bool)})
    with pytest.raises(ValueError, match='0 for the source and 1 for the target'):
        report(source_mass={}, target_mass={(1, 1): np.zeros(2)})
