"""What the data sets have in common whose images are one array in memory: a choice of rows, and channels."""

from abc import abstractmethod

import numpy as np

from .class_images import ClassImages
from .errors import DataError


class ArrayImages(ClassImages):
    """Some images of an array; the pipeline needs no loading step.

    Args:
        span: first and last + 1 of the images that count.
        sample: how many of these are drawn at random (None: all stay).
        per_class: how many of each class are drawn at random, for semi-supervised learning; instead of `sample`.
        seed: of the draw. The same seed draws the same images in every process and run.
        channels: 1 or 3 (BGR, as OpenMMLab's loaders give), whatever the array has; None: as it is.
        kwargs: as for `ClassImages`.
    """

    def __init__(
        self,
        span: tuple[int, int] | None = None,
        sample: int | None = None,
        per_class: int | None = None,
        seed: int = 0,
        channels: int | None = None,
        **kwargs,
    ) -> None:
        if channels not in (None, 1, 3):
            raise DataError(f'{type(self).__name__} has channels={channels}: use 1, 3, or None for those of the array.')
        self.span = span
        self.sample = sample
        self.per_class = per_class
        self.seed = seed
        self.channels = channels
        super().__init__(**kwargs)

    @abstractmethod
    def read(self) -> tuple[np.ndarray, np.ndarray | None, str]:
        """Return uint8 images `[N, H, W]` or (RGB) `[N, H, W, 3]`, classes `[N]` if labelled, and the file's name."""

    def load_data_list(self) -> list[dict]:
        """Return names and classes; the images stay one array, which all workers share."""
        images, labels, name = self.read()
        rows = self._draw(_checked(self.span, len(images), name), labels, name)
        self.images = _with_channels(images[rows], self.channels)
        infos = [dict(img_path=f'{name}[{i}]', row=row) for row, i in enumerate(np.arange(len(images))[rows])]
        for info, label in zip(infos, () if labels is None else labels[rows]):
            info['gt_label'] = int(label)
        return infos

    def get_data_info(self, idx: int) -> dict:
        """Return the image, as a loading step would have left it, and its class."""
        info = super().get_data_info(idx)
        image = self.images[info.pop('row')].copy()
        return dict(info, img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])

    def _draw(self, span: slice, labels: np.ndarray | None, name: str) -> slice | np.ndarray:
        """Return the rows that count: a slice as long as nothing is drawn."""
        rng = np.random.default_rng(self.seed)
        count = span.stop - span.start
        if self.per_class is not None:
            return span.start + self._balanced(rng, labels if labels is None else labels[span], name)
        if self.sample is None:
            return span
        if not 0 < self.sample <= count:
            raise DataError(f"sample={self.sample} cannot be drawn from {count} images of '{name}': choose another.")
        return span.start + np.sort(rng.choice(count, self.sample, replace=False))

    def _balanced(self, rng: np.random.Generator, labels: np.ndarray | None, name: str) -> np.ndarray:
        if labels is None or self.sample is not None:
            raise DataError(
                f"per_class draws from '{name}' by its labels: it goes with neither labelled=False nor sample."
            )
        rows = []
        for number, title in enumerate(self._metainfo['classes']):
            found = np.flatnonzero(labels == number)
            if not 0 < self.per_class <= len(found):
                raise DataError(
                    f"per_class={self.per_class} cannot be drawn from {len(found)} images of '{title}' in '{name}': "
                    'choose another.'
                )
            rows.append(rng.choice(found, self.per_class, replace=False))
        return np.sort(np.concatenate(rows))


def _checked(span: tuple[int, int] | None, count: int, path: str) -> slice:
    first, last = span or (0, count)
    if not 0 <= first < last <= count:
        raise DataError(f"span={(first, last)} does not lie within the {count} images of '{path}': choose another.")
    return slice(first, last)


def _with_channels(images: np.ndarray, channels: int | None) -> np.ndarray:
    """Return `[N, H, W]` for one channel, `[N, H, W, 3]` in BGR for three."""
    grey = images.ndim == 3
    if channels == 1 and not grey:
        weights = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as OpenCV
        return np.rint(images @ weights).astype(np.uint8)
    if channels == 3 and grey:
        return np.repeat(images[..., None], 3, axis=-1)
    return images if grey else images[..., ::-1]
