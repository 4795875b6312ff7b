"""The picture of transferable channels: which are shown, and one range of values for both domains."""

import numpy as np
import pytest

from mmuda.visualization import ChannelReport, channels_figure


def report(**changes):
    """Six channels, the third one the best and the first one the worst; images and maps of two sizes."""
    maps = [np.arange(6.0)[:, None, None] + np.zeros((6, *size)) for size in ((3, 4), (2, 2))]
    maps[1] = maps[1] + 10
    distance = np.array([0.9, 0.5, 0.1, 0.3, 0.2, 0.8])
    fields = dict(
        images=[np.zeros((6, 8, 3), np.uint8)] * 2,
        names=['source 1', 'target 1'],
        maps=maps,
        alpha=1 / (1 + distance),
        distance=distance,
        count=2,
        title='a layer',
    )
    return ChannelReport(**(fields | changes))


def test_the_best_stand_left_and_the_worst_last():
    assert report().most.tolist() == [2, 4]
    assert report().least.tolist() == [5, 0]
    *pictures, bars = channels_figure(report()).axes
    titles = [axis.get_title() for axis in pictures[:5]]
    assert [title.partition('\n')[0] for title in titles] == ['', 'channel 2', 'channel 4', 'channel 5', 'channel 0']
    assert titles[1].endswith('α 0.91, d 0.10')
    heights = [bar.get_height() for bar in bars.patches]
    np.testing.assert_allclose(heights, np.sort(report().alpha)[::-1])
    assert bars.patches[1].get_facecolor() != bars.patches[2].get_facecolor() != bars.patches[4].get_facecolor()


def test_a_channel_has_one_range_of_values_in_both_domains():
    pictures = channels_figure(report()).axes[:10]
    source, target = (pictures[place].images[0] for place in (1, 6))
    assert source.get_clim() == target.get_clim() == (2, 12)
    assert (source.get_array() == 2).all()
    assert (target.get_array() == 12).all()


def test_a_constant_channel_can_be_drawn():
    figure = channels_figure(report(maps=[np.ones((6, 2, 2))] * 2))
    low, high = figure.axes[1].images[0].get_clim()
    assert low < high


def test_what_does_not_fit():
    with pytest.raises(ValueError, match='2 images, 1 names and maps of 2: give one of each an image'):
        report(names=['source 1'])
    with pytest.raises(ValueError, match='5 alphas and 6 distances of 6 channels: give one of each a channel'):
        report(alpha=np.ones(5))
    with pytest.raises(ValueError, match='count=4 most and as many least transferable channels of 6: give'):
        report(count=4)
