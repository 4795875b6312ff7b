"""Where the predictions of one call go: label maps, pictures and tables, one image after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError
from .inputs import NamedImage
from .predictions import (
    Classified,
    PredictionFolder,
    check_prediction_folders,
    confidence_of,
    prediction_table,
)
from .result_tables import SHARES, ResultTable, ShareFile, ShareTable


class Outputs:
    """Writes predictions as they come; a context, which completes the tables.

    Args:
        out_dir: the folder (None: nothing is written).
        segments: whether images are segmented rather than classified.
        classes, palette: their names and colours.
        opacity: of the colours over an image (None: 0.5).
        confidence: whether maps of the confidence are written.
        shares: ``csv`` or ``json``, how the shares of the classes are written (None: not at all).

    Raises:
        UserError: Something that only segmented images have, a table that is there of other classes, or a folder of
            images that are no predictions.
    """

    def __init__(
        self,
        out_dir: str | Path | None,
        segments: bool,
        classes: Sequence[str],
        palette: Sequence[tuple[int, int, int]],
        opacity: float | None = None,
        confidence: bool = False,
        shares: str | None = None,
    ) -> None:
        for name, given in (('opacity', opacity is not None), ('confidence', confidence), ('shares', shares)):
            if given and not segments:
                raise UserError(f'{name} is for pictures of segmented images, and this model classifies: leave it out')
        if shares is not None and shares not in SHARES:
            raise UserError(f"shares='{shares}' is no kind of table: use {' or '.join(SHARES)}")
        self.folder: PredictionFolder | None = None
        self.table: ResultTable | None = None
        self.shares: ShareTable | ShareFile | None = None
        if out_dir is None:
            return
        if not segments:
            self.table = prediction_table(out_dir, classes)
            return
        folders = [Path(out_dir, name) for name in ('labels', 'overlays', 'confidence')[: 2 + confidence]]
        check_prediction_folders(folders)
        self.folder = PredictionFolder(*folders[:2], palette, 0.5 if opacity is None else opacity, *folders[2:])
        self.shares = SHARES[shares](out_dir, classes) if shares else None

    def write(self, item: NamedImage, result: np.ndarray | Classified, image: np.ndarray, sample: Any) -> None:
        """Write what was predicted of an image.

        Args:
            item: with its name.
            result: the label map or the class.
            image: as the pipeline has loaded it.
            sample: the data sample with the scores.
        """
        if self.table is not None:
            self.table.add(item.title, result.cells())
        if self.folder is not None:
            confidence = confidence_of(sample) if self.folder.confidence_dir else None
            self.folder.write(item.name, result, image, confidence)
        if self.shares is not None:
            self.shares.add_map(item.title, result)

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, *error: object) -> None:
        for table in filter(None, (self.table, self.shares)):
            table.close()
