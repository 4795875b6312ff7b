"""One picture of hybrid attention on a batch: who may attend to whom, and who does.

    image | groups on the grid of each stage | groups of the keys     a row an image, pairs together
    ...
    share of tokens in each group            | attention that goes to the other domain, by layer

Pure functions on arrays; nothing here touches matplotlib's global state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from PIL import Image, ImageOps

from .comparing import FAINT, INK
from .figure import WIDTH, new_figure, rgb
from .palette import Color, default_palette, overlay

SECOND, FIRST = default_palette(2)[1], default_palette(2)[0]
SOURCE, TARGET = default_palette(14)[4], default_palette(14)[11]
LABELLED = 24  # more layers than this go without numbers of their own


@dataclass(frozen=True)
class AttentionReport:
    """What a hybrid encoder did with a batch of B images.

    Args:
        images: uint8 [H, W, 3] RGB each.
        names: of the images, such as 'source 1'; rows follow this order.
        maps: title -> bool [B, h, w], the first group on some grid; empty without groups.
        shares: title -> [B], share of tokens in the first group; empty without groups.
        source_mass: (stage, block), counted from 1 -> share of attention that the source images' queries give to the
            target, a number an image.
        target_mass: the same of the target images' queries.
        title: of the picture.
    """

    images: Sequence[np.ndarray]
    names: Sequence[str]
    source_mass: Mapping[tuple[int, int], np.ndarray]
    target_mass: Mapping[tuple[int, int], np.ndarray]
    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    shares: Mapping[str, np.ndarray] = field(default_factory=dict)
    title: str = ''

    def __post_init__(self) -> None:
        counts = {'names': len(self.names)} | {f"map '{title}'": len(x) for title, x in self.maps.items()}
        for what, count in counts.items():
            if count != len(self.images):
                raise ValueError(f'A report of {len(self.images)} images has {count} for {what}: give one per image.')
        if self.source_mass.keys() != self.target_mass.keys() or not self.source_mass:
            raise ValueError(
                'A report wants the attention of the same layers, and at least one, for both domains, but has '
                f'{len(self.source_mass)} for the source and {len(self.target_mass)} for the target.'
            )


def attention_figure(report: AttentionReport) -> Figure:
    """Draw the whole picture; save it with ``figure.savefig(path, dpi=...)``."""
    rows = _picture_rows(report)
    height, width = report.images[0].shape[:2]
    top = len(rows) * (WIDTH - 0.5) / len(rows[0]) * min(height / width, 1.4) + 0.35
    bottom = 0.6 + max(3.0, 0.3 * len(report.shares))
    figure = new_figure(top + bottom + 0.6, report.title)
    upper, lower = figure.subfigures(2, 1, height_ratios=(top, bottom))
    _draw_pictures(upper, rows)
    if report.shares:
        left, right = lower.subplots(1, 2, width_ratios=(1, 1.6))
        _draw_shares(left, report.shares)
    else:
        right = lower.subplots()
    _draw_mass(right, report)
    return figure


def split_overlay(image: np.ndarray, groups: np.ndarray, opacity: float = 0.5) -> np.ndarray:
    """Paint both groups over the image without its colours, and lightened: a dusk scene stays readable.

    Args:
        image: uint8 [H, W, 3], RGB.
        groups: bool [h, w].
        opacity: of the groups' colours.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    grey = ImageOps.autocontrast(Image.fromarray(image).convert('L'), cutoff=1)
    light = np.asarray(grey.point(lambda value: 90 + value * 165 // 255).convert('RGB'))
    cells = Image.fromarray(groups.astype(np.uint8)).resize(image.shape[1::-1], Image.Resampling.NEAREST)
    return overlay(light, np.asarray(cells), (SECOND, FIRST), opacity)


def _picture_rows(report: AttentionReport) -> list[list[tuple[str, str, np.ndarray]]]:
    """Return (title above, name at the left, picture) of every cell; without groups, all images share one row."""
    if not report.maps:
        return [[(name, '', image) for name, image in zip(report.names, report.images)]]
    rows = []
    for number, (name, image) in enumerate(zip(report.names, report.images)):
        cells = [('image', name, image)]
        cells += [(title, '', split_overlay(image, maps[number])) for title, maps in report.maps.items()]
        rows.append([(title if number == 0 else '', side, picture) for title, side, picture in cells])
    return rows


def _draw_pictures(figure: SubFigure, rows: list[list[tuple[str, str, np.ndarray]]]) -> None:
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False, gridspec_kw=dict(wspace=0.02, hspace=0.02))
    for row, cells in zip(axes, rows):
        for axis, (title, name, picture) in zip(row, cells):
            axis.imshow(picture, interpolation='nearest' if picture.shape[1] < 400 else 'antialiased')
            axis.set_title(title, fontsize=10, color=rgb(INK))
            axis.set_ylabel(name, fontsize=10, color=rgb(INK))
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)


def _draw_shares(axis: Axes, shares: Mapping[str, np.ndarray]) -> None:
    """Draw a bar a grid: the mean share of each group, and a dot an image."""
    for row, values in enumerate(shares.values()):
        mean = float(np.mean(values))
        axis.barh(row, mean, color=rgb(FIRST), height=0.72)
        axis.barh(row, 1 - mean, left=mean, color=rgb(SECOND), height=0.72)
        axis.plot(values, [row] * len(values), 'o', markersize=4.5, color='white', markeredgecolor=rgb(INK), zorder=3)
        axis.text(1.02, row, f'{mean:.2f}', va='center', fontsize=9, color=rgb(INK))
    axis.axvline(0.5, color=rgb(INK), linewidth=1, linestyle=(0, (4, 3)))
    axis.set(xlim=(0, 1), ylim=(len(shares) - 0.4, -0.6), xticks=(0, 0.25, 0.5, 0.75, 1))
    axis.set_yticks(range(len(shares)), list(shares))
    axis.spines['left'].set_visible(False)
    _title(
        axis,
        'Share of tokens in each group',
        'bar: mean; dot: an image; dashed: even halves',
    )
    _legend(axis, {'first group': FIRST, 'second group': SECOND})


def _draw_mass(axis: Axes, report: AttentionReport) -> None:
    """Draw two bars a layer, source and target; stages stand apart."""
    layers = list(report.source_mass)
    places = np.array([number + 0.9 * (stage - layers[0][0]) for number, (stage, _) in enumerate(layers)])
    for shift, color, mass in ((-0.2, SOURCE, report.source_mass), (0.2, TARGET, report.target_mass)):
        axis.bar(places + shift, [np.mean(mass[layer]) for layer in layers], width=0.38, color=rgb(color))
    axis.axhline(0.5, color=rgb(INK), linewidth=1, linestyle=(0, (4, 3)))
    axis.set(ylim=(0, 1), xlim=(places[0] - 0.8, places[-1] + 0.8), yticks=(0, 0.25, 0.5, 0.75, 1))
    if len(layers) <= LABELLED:
        axis.set_xticks(places, [f'{block}' for _, block in layers])
    else:
        axis.set_xticks([])
    for stage in dict.fromkeys(stage for stage, _ in layers):
        middle = np.mean([place for place, layer in zip(places, layers) if layer[0] == stage])
        axis.annotate(
            f'stage {stage}',
            (middle, 0),
            xytext=(0, -18 if len(layers) <= LABELLED else -6),
            xycoords=('data', 'axes fraction'),
            textcoords='offset points',
            ha='center',
            va='top',
            fontsize=10,
            color=rgb(INK),
        )
    axis.spines['left'].set_visible(False)
    axis.grid(axis='y', color=rgb(FAINT), alpha=0.25, linewidth=0.8)
    axis.set_axisbelow(True)
    _title(
        axis,
        'Attention that goes to the other domain',
        'mean over images, heads and queries, for each layer; dashed: as much as to its own',
    )
    _legend(axis, {"source's queries": SOURCE, "target's queries": TARGET})


def _title(axis: Axes, title: str, note: str) -> None:
    axis.set_title(title, loc='left', fontsize=12, color=rgb(INK), pad=42)
    axis.annotate(note, (0, 1), (0, 28), 'axes fraction', 'offset points', fontsize=8.5, color=rgb(FAINT), va='bottom')
    axis.spines[['top', 'right']].set_visible(False)
    axis.tick_params(length=0, labelsize=9, labelcolor=rgb(INK))


def _legend(axis: Axes, entries: Mapping[str, Color]) -> None:
    patches = [Patch(color=rgb(color), label=name) for name, color in entries.items()]
    style = dict(frameon=False, fontsize=9, borderpad=0, handlelength=1.0, handleheight=1.0, columnspacing=1.4)
    axis.legend(
        handles=patches, loc='lower left', bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.9, **style
    ).set_in_layout(False)
