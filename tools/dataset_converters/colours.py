"""Your own coloured label images to class ids, by the list of colours of a class map.

    python tools/dataset_converters/colours.py --src mine/colours --out mine/labels --class-map classes.json

Reads all images below the folders or archives of --src and writes label maps of the same names, as PNG: class 0 has the
first colour of the class map's `palette`, and so on. Another colour is an error that names it and the file, or, where
the class map says `other: ignore`, becomes 255, "ignored". Palette images count by their colours, transparency is
dropped. The class map then serves the data set as it is.
"""

from collections.abc import Mapping
from functools import partial

from converting import carry_out, make_parser
from label_maps import from_colours
from rules import Conversion, Rule

from mmuda.apis import run_tool
from mmuda.datasets.class_map import IGNORE, load_class_map
from mmuda.datasets.errors import DataError
from mmuda.datasets.label_colours import Colour
from mmuda.datasets.listing import IMAGE_SUFFIXES

SUFFIX = '(?i:' + '|'.join(suffix[1:] for suffix in IMAGE_SUFFIXES) + ')'
REMEDY = ': give it a class in the class map, or say "other": "ignore" there'
ALL_IMAGES = rf'{{source:\A[^/]+}}/{{path:.+}}.{{suffix:{SUFFIX}}}'


def conversion(class_map: str | Mapping) -> Conversion:
    """Return what a class map makes of coloured labels.

    Args:
        class_map: a class-mapping file, or what one holds.
    """
    loaded = load_class_map(class_map)
    if loaded.palette is None:
        raise DataError(
            f"The class map '{class_map}' has no `palette`: give a colour [red, green, blue] for each class."
        )
    if not loaded.holds_class_ids:
        raise DataError(
            f"The class map '{class_map}' has a `map` of ids, but class ids are written here: leave it out."
        )
    other = IGNORE if loaded.ignores_others else None
    labels = partial(from_colours, table=_table(loaded.classes, loaded.palette), other=other, remedy=REMEDY)
    return Conversion((Rule(ALL_IMAGES, '{path}.png', labels),))


def _table(classes: list[str], palette: list[list[int]]) -> dict[Colour, int]:
    table: dict[Colour, int] = {}
    for number, colour in enumerate(map(tuple, palette)):
        if colour in table:
            raise DataError(f"'{classes[table[colour]]}' and '{classes[number]}' have one colour {colour}: change one.")
        table[colour] = number
    return table


def main() -> None:
    """Convert all label images below --src."""
    parser = make_parser(__doc__)
    parser.add_argument('--class-map', required=True, help='JSON or YAML with `classes` and their `palette`')
    args = parser.parse_args()
    carry_out(lambda: conversion(args.class_map), args)


if __name__ == '__main__':
    run_tool(main)
