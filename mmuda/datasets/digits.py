"""Digits in one NumPy archive: MNIST, USPS, MNIST-M and their like.

An archive holds uint8 images `[N, H, W]` (grey) or `[N, H, W, 3]` (RGB) and classes `[N]`, 0 to 9.
"""

import os
import zipfile

import numpy as np

from mmuda.registry import DATASETS

from .checks import check_data_root
from .class_images import ClassImages
from .errors import DataError


@DATASETS.register_module()
class Digits(ClassImages):
    """A span of an archive's images; the pipeline needs no loading step.

    Args:
        ann_file: the archive, below `data_root`.
        image_key, label_key: names of its arrays; a target needs no labels.
        span: first and last + 1 of the images that count. MNIST-M shows MNIST's digits in MNIST's order: as a pair,
            they need spans that do not meet.
        channels: 1 or 3 (BGR, as OpenMMLab's loaders give), whatever the archive has; None: as it is.
        kwargs: as for `ClassImages`.
    """

    METAINFO = dict(classes=tuple('0123456789'))

    def __init__(
        self,
        ann_file: str,
        image_key: str = 'x',
        label_key: str = 'y',
        span: tuple[int, int] | None = None,
        channels: int | None = None,
        data_root: str = '',
        **kwargs,
    ) -> None:
        check_data_root(data_root)
        self.image_key, self.label_key = image_key, label_key
        self.span = span
        self.channels = channels
        super().__init__(ann_file=ann_file, data_root=data_root, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Names and classes; the images stay one array, which all workers share."""
        keys = [self.image_key] + [self.label_key] * self.labelled
        images, *labels = _read(self.ann_file, keys)
        span = _checked(self.span, len(images), self.ann_file)
        self.images = _with_channels(images[span], self.channels)
        names = [dict(img_path=f'{self.ann_file}[{i}]', row=i - span.start) for i in range(span.start, span.stop)]
        for info, label in zip(names, labels[0][span] if labels else ()):
            info['gt_label'] = int(label)
        return names

    def get_data_info(self, idx: int) -> dict:
        """The image, as a loading step would have left it, and its class."""
        info = super().get_data_info(idx)
        image = self.images[info.pop('row')].copy()
        return dict(info, img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])


def _read(path: str, keys: list[str]) -> list[np.ndarray]:
    if not os.path.isfile(path):
        raise DataError(
            f"The archive '{path}' does not exist: check `data_root` and `ann_file`, and the environment variable "
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


def _checked(span: tuple[int, int] | None, count: int, path: str) -> slice:
    first, last = span or (0, count)
    if not 0 <= first < last <= count:
        raise DataError(f"span={(first, last)} does not lie within the {count} images of '{path}': choose another.")
    return slice(first, last)


def _with_channels(images: np.ndarray, channels: int | None) -> np.ndarray:
    """`[N, H, W]` for one channel, `[N, H, W, 3]` in BGR for three."""
    grey = images.ndim == 3
    if channels == 1 and not grey:
        weights = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as OpenCV
        return np.rint(images @ weights).astype(np.uint8)
    if channels == 3 and grey:
        return np.repeat(images[..., None], 3, axis=-1)
    return images if grey else images[..., ::-1]
