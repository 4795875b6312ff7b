"""One picture that compares label maps of the same images: a row an image, a column a method.

    image | truth | source only | STCT
    ...
    legend of the classes

Pure functions on arrays; the text is set with Pillow's built-in font, so no file is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .palette import VOID, Color, colorize

INK: Color = (32, 33, 36)
FAINT: Color = (95, 99, 104)
PAPER: Color = (255, 255, 255)


@dataclass(frozen=True)
class Layout:
    """Sizes in pixels.

    Args:
        cell_width: width of every picture; heights follow the images.
        gap: space between pictures.
        margin: space around everything.
        text: size of the titles; notes and legend are a little smaller.
    """

    cell_width: int = 320
    gap: int = 8
    margin: int = 20
    text: int = 18


def comparison(
    images: Sequence[np.ndarray],
    columns: Mapping[str, Sequence[np.ndarray]],
    classes: Sequence[str],
    palette: Sequence[Color],
    notes: Mapping[str, str] | None = None,
    image_title: str = 'target image',
    layout: Layout = Layout(),
) -> np.ndarray:
    """Lay images beside several label maps of each, with titles and a legend.

    Args:
        images: uint8 [H, W, 3] RGB each.
        columns: title -> one label map [H, W] per image.
        classes: names of the classes; the legend shows those that occur.
        palette: RGB of each class.
        notes: title -> a second, smaller line below the title, such as a score.
        image_title: title of the first column.
        layout: sizes.

    Returns:
        uint8 [H', W', 3], RGB.
    """
    _check(images, columns)
    painted = {title: [colorize(label, palette) for label in labels] for title, labels in columns.items()}
    grid = _grid([image_title, *columns], [images, *painted.values()], notes or {}, layout)
    present = np.unique(np.concatenate([label.ravel() for labels in columns.values() for label in labels]))
    entries = [(classes[c], tuple(palette[c])) for c in present if 0 <= c < len(classes)]
    if present.max() >= len(classes):
        entries.append(('void', VOID))
    return np.asarray(_stack([grid, _legend(entries, grid.width, layout)]))


def _check(images: Sequence[np.ndarray], columns: Mapping[str, Sequence[np.ndarray]]) -> None:
    if not images:
        raise ValueError('A comparison needs at least one image.')
    for title, labels in columns.items():
        if len(labels) != len(images):
            raise ValueError(
                f"Column '{title}' has {len(labels)} label maps for {len(images)} images: give one per image."
            )


def _grid(
    titles: Sequence[str], columns: Sequence[Sequence[np.ndarray]], notes: Mapping[str, str], layout: Layout
) -> Image.Image:
    """Return titles above columns of pictures, all of one width."""
    cells = [[_fit(picture, layout.cell_width) for picture in column] for column in columns]
    heights = [max(column[row].height for column in cells) for row in range(len(cells[0]))]
    top = layout.margin + round(layout.text * (2.9 if notes else 1.7))
    size = (
        2 * layout.margin + len(cells) * (layout.cell_width + layout.gap) - layout.gap,
        top + sum(heights) + layout.gap * len(heights),
    )
    canvas = Image.new('RGB', size, PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, (title, column) in enumerate(zip(titles, cells)):
        left = layout.margin + number * (layout.cell_width + layout.gap)
        draw.text((left, layout.margin), title, INK, _font(layout.text))
        draw.text(
            (left, layout.margin + round(1.3 * layout.text)),
            notes.get(title, ''),
            FAINT,
            _font(round(0.8 * layout.text)),
        )
        for row, cell in enumerate(column):
            canvas.paste(cell, (left, top + sum(heights[:row]) + row * layout.gap))
    return canvas


def _legend(entries: Sequence[tuple[str, Color]], width: int, layout: Layout) -> Image.Image:
    """Colour squares with names, in as many lines as the width asks for."""
    font, square = _font(round(0.8 * layout.text)), round(0.9 * layout.text)
    line, left, places = 0, layout.margin, []
    for name, _ in entries:
        needed = square + 6 + round(font.getlength(name)) + 18
        if left + needed > width and left > layout.margin:
            line, left = line + 1, layout.margin
        places.append((left, line))
        left += needed
    step = square + 8
    canvas = Image.new('RGB', (width, layout.gap + (line + 1) * step + layout.margin), PAPER)
    draw = ImageDraw.Draw(canvas)
    for (name, color), (left, line) in zip(entries, places):
        top = layout.gap + line * step
        draw.rectangle((left, top, left + square, top + square), color, FAINT)
        draw.text((left + square + 6, top + square / 2), name, INK, font, anchor='lm')
    return canvas


def _stack(parts: Sequence[Image.Image]) -> Image.Image:
    canvas = Image.new('RGB', (max(p.width for p in parts), sum(p.height for p in parts)), PAPER)
    top = 0
    for part in parts:
        canvas.paste(part, (0, top))
        top += part.height
    return canvas


def _fit(picture: np.ndarray, width: int) -> Image.Image:
    """Scale to a width; enlarging keeps pixels sharp, so label maps show no invented colours."""
    image = Image.fromarray(np.ascontiguousarray(picture, dtype=np.uint8))
    height = round(image.height * width / image.width)
    resample = Image.Resampling.NEAREST if width >= image.width else Image.Resampling.BOX
    return image.resize((width, height), resample)


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)
