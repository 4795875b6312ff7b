"""Digits in one NumPy archive: MNIST, USPS, MNIST-M and their like.

An archive holds uint8 images `[N, H, W]` (grey) or `[N, H, W, 3]` (RGB) and classes `[N]`, 0 to 9.
"""

import zipfile

import numpy as np

from mmuda.registry import DATASETS

from .array_images import ArrayImages
from .checks import check_data_root, file_problem
from .errors import DataError


@DATASETS.register_module()
class Digits(ArrayImages):
    """Some of an archive's images.

    MNIST-M shows MNIST's digits in MNIST's order: as a pair, they need spans that do not meet.

    Args:
        ann_file: the archive, below `data_root`.
        image_key, label_key: names of its arrays; a target needs no labels.
        kwargs: as for `ArrayImages`.
    """

    METAINFO = dict(classes=tuple('0123456789'))

    def __init__(
        self, ann_file: str, image_key: str = 'x', label_key: str = 'y', data_root: str = '', **kwargs
    ) -> None:
        check_data_root(data_root)
        self.image_key, self.label_key = image_key, label_key
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def read(self) -> tuple[np.ndarray, np.ndarray | None, str]:
        """Return the archive's arrays; labels are read only while the set is labelled."""
        keys = [self.image_key] + [self.label_key] * self.labelled
        images, *labels = _read(self.ann_file, keys)
        return images, labels[0] if labels else None, self.ann_file


def _read(path: str, keys: list[str]) -> list[np.ndarray]:
    if problem := file_problem(path):
        raise DataError(
            f"The archive '{path}' {problem}: check `data_root` and `ann_file`, and the environment variable "
            'MMUDA_DATA.'
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive]
            if missing:
                raise DataError(
                    f"The archive '{path}' has the arrays {', '.join(archive.files)} and no '{missing[0]}': set "
                    '`image_key` and `label_key`.'
                )
            return [archive[key] for key in keys]
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"'{path}' is no complete archive ({error}): copy it again.") from error
