"""Pages of HTML: one file each, with its pictures inside, which loads nothing from anywhere."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jinja2 import Environment, FileSystemLoader

from mmuda.storage import atomic_write

WIDTH = 240


def write_template(name: str, path: str | Path, **values: Any) -> None:
    """Fill a template of this folder; what is put into it is text, whatever it looks like.

    Args:
        name: Of the template.
        path: The HTML file.
        values: Names in the template and their values.
    """
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)
    page = environment.get_template(name).render(**values)
    with atomic_write(path, 'w') as file:
        file.write(page)


def data_address(image: np.ndarray, width: int = WIDTH, sharp: bool = False) -> str:
    """Return the picture as an address that holds it.

    Args:
        image: uint8 [H, W, 3], RGB.
        width: In pixels, at most.
        sharp: Whether its colours mean something: PNG, of which no pixel is mixed with its neighbours. Else JPEG.
    """
    if image.shape[1] > width:
        height = max(round(width / image.shape[1] * image.shape[0]), 1)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_NEAREST if sharp else cv2.INTER_AREA)
    kind, options = ('png', []) if sharp else ('jpeg', [cv2.IMWRITE_JPEG_QUALITY, 85])
    _, content = cv2.imencode(f'.{kind}', np.ascontiguousarray(image[..., ::-1]), options)
    return f'data:image/{kind};base64,{base64.b64encode(content).decode()}'
