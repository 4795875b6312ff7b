"""One picture of the most and the least transferable channels of a layer (TransNorm, NeurIPS 2019, Fig. 3).

    image | maps of the most transferable channels | maps of the least transferable channels     a row an image
    ...
    alpha of every channel, in falling order

A channel's maps share one range of values over all images of both domains: where the domains differ in the channel,
it shows. Pure functions on arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from .comparing import INK
from .figure import WIDTH, new_figure, rgb
from .palette import Color, default_palette

MOST, LEAST = default_palette(14)[2], default_palette(14)[0]
OTHERS: Color = (189, 193, 198)
RANGE = (1, 99)  # percentiles of a channel's values that get the darkest and the brightest colour


@dataclass(frozen=True)
class ChannelReport:
    """Transferability of the channels of a layer, and what they do to B images.

    Args:
        images: uint8 [H, W, 3] RGB each.
        names: Of the images, such as 'source 1'; rows follow this order.
        maps: Activation maps [C, h, w] each.
        alpha: Of every channel [C].
        distance: Of every channel [C].
        count: How many of the most, and of the least, transferable channels are shown.
        title: Of the picture.
    """

    images: Sequence[np.ndarray]
    names: Sequence[str]
    maps: Sequence[np.ndarray]
    alpha: np.ndarray
    distance: np.ndarray
    count: int = 5
    title: str = ''

    def __post_init__(self) -> None:
        if not 0 < len(self.images) == len(self.names) == len(self.maps):
            raise ValueError(
                f'{len(self.images)} images, {len(self.names)} names and maps of {len(self.maps)}: give one of each an '
                'image.'
            )
        channels = len(self.maps[0])
        if not len(self.alpha) == len(self.distance) == channels:
            raise ValueError(
                f'{len(self.alpha)} alphas and {len(self.distance)} distances of {channels} channels: give one of each '
                'a channel.'
            )
        if not 1 <= self.count <= channels // 2:
            raise ValueError(
                f'count={self.count} most and as many least transferable channels of {channels}: give 1 up to half of '
                'them.'
            )

    @property
    def order(self) -> np.ndarray:
        """Channels [C], the most transferable first."""
        return np.argsort(self.distance, kind='stable')

    @property
    def most(self) -> np.ndarray:
        """The most transferable channels, the best first."""
        return self.order[: self.count]

    @property
    def least(self) -> np.ndarray:
        """The least transferable channels, the worst last."""
        return self.order[-self.count :]


def channels_figure(report: ChannelReport) -> Figure:
    """Draw the picture; save it with ``figure.savefig(path, dpi=...)``."""
    columns = 1 + 2 * report.count
    height, width = report.images[0].shape[:2]
    cell = (WIDTH - 0.8) / columns
    top = 0.7 + len(report.images) * cell * min(height / width, 1.4)
    figure = new_figure(top + 3.0, report.title)
    upper, lower = figure.subfigures(2, 1, height_ratios=(top, 2.5))
    _draw_maps(upper, report)
    _draw_alpha(lower.subplots(), report)
    return figure


def _draw_maps(figure: SubFigure, report: ChannelReport) -> None:
    axes = figure.subplots(len(report.images), 1 + 2 * report.count, squeeze=False, gridspec_kw=dict(wspace=0.03))
    for row, image, name in zip(axes, report.images, report.names):
        row[0].imshow(image, interpolation='nearest')
        row[0].set_ylabel(name, fontsize=9, color=rgb(INK))
    for column, (channel, color) in enumerate(_chosen(report), start=1):
        maps = [each[channel] for each in report.maps]
        low, high = np.percentile(np.concatenate([each.ravel() for each in maps]), RANGE)
        for row, values in zip(axes, maps):
            row[column].imshow(values, cmap='viridis', vmin=low, vmax=max(high, low + 1e-12), interpolation='nearest')
        text = f'channel {channel}\nα {report.alpha[channel]:.2f}, d {report.distance[channel]:.2f}'
        axes[0, column].set_title(text, fontsize=8, color=rgb(color))
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)


def _draw_alpha(axis: Axes, report: ChannelReport) -> None:
    """Draw a bar a channel, the chosen ones in colour."""
    colors = [rgb(OTHERS)] * len(report.alpha)
    colors[: report.count] = [rgb(MOST)] * report.count
    colors[-report.count :] = [rgb(LEAST)] * report.count
    axis.bar(np.arange(len(report.alpha)), report.alpha[report.order], color=colors, width=0.8)
    axis.axhline(1, color=rgb(INK), linewidth=1, linestyle=(0, (4, 3)))
    axis.set_title(
        'α of every channel, most transferable first; green: shown at the left, red: at the right; dashed: the mean',
        fontsize=10,
        color=rgb(INK),
        loc='left',
    )
    axis.set(xlim=(-0.8, len(report.alpha) - 0.2), xticks=[])
    axis.spines[['top', 'right', 'bottom']].set_visible(False)
    axis.tick_params(labelsize=9, labelcolor=rgb(INK))


def _chosen(report: ChannelReport) -> list[tuple[int, Color]]:
    return [*((channel, MOST) for channel in report.most), *((channel, LEAST) for channel in report.least)]
