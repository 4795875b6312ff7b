"""Write a network to files, check each against the network, and measure both."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmuda import __version__
from mmuda.datasets.toy_scenes.render import render
from mmuda.storage import atomic_write

from ..errors import UserError
from ..inferencer import UDAInferencer
from ..inputs import Images, find_images
from ..paths import check_out_file
from .check import check, make_cases, milliseconds
from .formats import FORMATS, Format
from .graph import ScoreGraph, portable

PAINTED = (480, 360)
"""Width and height of the images that are painted where none are given."""


class Row(NamedTuple):
    """A file, or the network that it was made of.

    Attributes:
        name: Path of the file.
        kind: Its format.
        megabytes: Its size; of a network that of its weights.
        milliseconds: Median time of one image on the CPU.
        difference: Largest difference from the network's logits, as a share of the largest one.
    """

    name: str
    kind: str
    megabytes: float
    milliseconds: float
    difference: float


def export(
    predict: UDAInferencer,
    paths: Sequence[str | Path],
    images: Images | None = None,
    size: tuple[int, int] | None = None,
) -> list[Row]:
    """Write the network of an inferencer on the CPU; a file that fails its check is not written.

    Args:
        predict: The inferencer.
        paths: Files to write, ending in one of :data:`FORMATS`.
        images: What the files are checked and timed with (None: painted streets).
        size: Height and width of the only images that a segmentor's files take (None: any).

    Returns:
        The network, then each file.

    Raises:
        UserError: A file that cannot be written, a package that is missing, an operation that a format lacks, or a
            file whose logits are not the network's.
    """
    formats = check_paths(paths)
    graph, name = ScoreGraph(predict.network), type(predict.network).__name__
    inputs = _inputs(predict, images, size if predict.segments else None)
    fixed = size if predict.segments else tuple(inputs[0].shape[-2:])
    with torch.inference_mode():
        cases = make_cases(graph, inputs, any_size=fixed is None)
    files = _files(formats, graph, inputs[0], fixed is None, metadata(predict, fixed))
    runs = {path: formats[path].read(content) for path, content in files.items()}
    with torch.inference_mode():
        differences = [check(path, run, name, cases) for path, run in runs.items()]
        times = milliseconds([graph, *runs.values()], inputs[0])
    rows = [Row(name, 'torch', _bytes(predict.network) / 1e6, times[0], 0.0)]
    for (path, content), time, difference in zip(files.items(), times[1:], differences):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(Path(path)) as file:
            file.write(content)
        rows.append(Row(path, formats[path].title, len(content) / 1e6, time, difference))
    return rows


def _files(
    formats: Mapping[str, Format], graph: ScoreGraph, image: Tensor, any_size: bool, meta: Mapping[str, str]
) -> dict[str, bytes]:
    """Return the content of each file."""
    slim, example = portable(graph), image.repeat(2, 1, 1, 1)
    return {path: kind.write(slim, example, any_size, meta) for path, kind in formats.items()}


def check_paths(paths: Sequence[str | Path]) -> dict[str, Format]:
    """Return the format of each file, whose packages are there.

    Raises:
        UserError: A name that says no format, a place where no file can be, or a missing package.
    """
    formats = {}
    for path in paths:
        kind = FORMATS.get(Path(path).suffix)
        if kind is None:
            raise UserError(f'OUT {path} says no format: let it end in {" or ".join(FORMATS)}')
        check_out_file(path, 'OUT')
        for package in kind.packages:
            try:
                importlib.import_module(package)
            except ModuleNotFoundError as error:
                raise UserError(
                    f"OUT {path} needs the package {error.name}, which is not installed: pip install 'mmuda[export]'"
                ) from error
        formats[str(path)] = kind
    return formats


def metadata(predict: UDAInferencer, size: tuple[int, int] | None) -> dict[str, str]:
    """Tell what a user of a file has to know: classes, and how an image is prepared; lists are JSON."""
    preprocessor = predict.network.data_preprocessor
    mean, std = (getattr(preprocessor, name, torch.tensor(default)) for name, default in (('mean', 0.0), ('std', 1.0)))
    return dict(
        task='segmentation' if predict.segments else 'classification',
        classes=json.dumps(predict.classes),
        palette=json.dumps([[int(part) for part in colour] for colour in predict.palette]),
        channels=_channels(predict),
        mean=json.dumps(mean.flatten().tolist()),
        std=json.dumps(std.flatten().tolist()),
        size='any' if size is None else f'{size[0]}x{size[1]}',
        pipeline=json.dumps(predict.steps, default=str),
        padding=json.dumps(getattr(preprocessor, 'test_cfg', None) or {}, default=str),
        test_cfg=json.dumps(getattr(predict.network, 'test_cfg', None) or {}, default=str),
        mmuda=__version__,
    )


def _channels(predict: UDAInferencer) -> str:
    """Return the order of an input's channels, or their number."""
    if predict.channels != 3:
        return str(predict.channels)
    preprocessor = predict.network.data_preprocessor
    swaps = getattr(preprocessor, 'channel_conversion', False) or getattr(preprocessor, 'to_rgb', False)
    return 'RGB' if swaps else 'BGR'


def _inputs(predict: UDAInferencer, images: Images | None, size: tuple[int, int] | None) -> list[Tensor]:
    """Return prepared images ``[1, C, H, W]``."""
    if images is None:
        images = [_painted(predict.channels)]
    inputs = [predict.prepare(item.image) for item in find_images(images)]
    if size is None:
        return inputs
    return [F.interpolate(x, size, mode='bilinear', align_corners=False) for x in inputs]


def _painted(channels: int) -> np.ndarray:
    """Return a street as uint8 ``[H, W, 3]``, or in another number of channels, grey."""
    street, _ = render(0, size=PAINTED)
    return street if channels == 3 else np.repeat(street.mean(2, keepdims=True).astype(np.uint8), channels, 2)


def _bytes(network: nn.Module) -> int:
    state: Mapping[str, Tensor] = network.state_dict()
    return sum(value.numel() * value.element_size() for value in state.values())
