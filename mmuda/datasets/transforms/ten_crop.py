"""The ten crops on which released codes of adaptation score a classifier.

Four corners and the centre, of the image and of its mirror image. CDAN's and TransNorm's code begins the lower and
right crops one pixel earlier; here they reach the border, as torchvision's do.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmuda import compat
from mmuda.registry import TRANSFORMS

from ..errors import DataError

compat.apply()

from mmcv.transforms import BaseTransform, Compose


@TRANSFORMS.register_module()
class TenCrop(BaseTransform):
    """Cut an image into ten crops and finish each by itself.

    The last step of a `tta_pipeline`; `mmuda.ScoreSumTTA` adds up what the network says of the ten.

    Args:
        crop_size: height and width of a crop, or one number for both.
        transforms: steps of every crop; the last one packs it.
    """

    def __init__(self, crop_size: int | tuple[int, int], transforms: list[dict]) -> None:
        self.crop_size = (crop_size, crop_size) if isinstance(crop_size, int) else tuple(crop_size)
        self.finish = Compose(transforms)

    def transform(self, results: dict) -> dict[str, list]:
        """Map `img` [H, W, 3] and what belongs to it to what `transforms` make of it, ten of each key."""
        height, width = results['img'].shape[:2]
        if height < self.crop_size[0] or width < self.crop_size[1]:
            raise DataError(
                f"'{results.get('img_path')}' has {width}×{height} pixels here, but TenCrop cuts "
                f'{self.crop_size[1]}×{self.crop_size[0]}: put a larger Resize before it.'
            )
        crops = [self.finish({**results, **crop}) for crop in self._crops(results['img'])]
        return {key: [crop[key] for crop in crops] for key in crops[0]}

    def _crops(self, image: np.ndarray) -> Iterator[dict]:
        height, width = self.crop_size
        bottom, right = image.shape[0] - height, image.shape[1] - width
        corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (round(bottom / 2), round(right / 2))]
        for flip, side in ((False, image), (True, image[:, ::-1])):
            for y, x in corners:
                yield dict(
                    img=np.ascontiguousarray(side[y : y + height, x : x + width]),
                    img_shape=self.crop_size,
                    flip=flip,
                    flip_direction='horizontal' if flip else None,
                )

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size})'
