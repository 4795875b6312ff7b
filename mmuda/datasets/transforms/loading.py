"""The first steps of every pipeline: picture, label map, or an all-ignore map."""

import numpy as np

from mmuda import compat
from mmuda.registry import TRANSFORMS

from ..errors import DataError
from ..files import read_bytes, read_label

compat.apply()

import mmcv
from mmcv.transforms import BaseTransform, LoadImageFromFile


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """mmcv's `LoadImageFromFile`, which also refuses truncated files, in one sentence."""

    def transform(self, results: dict) -> dict:
        """Add `img`, `img_shape` and `ori_shape`."""
        path = results['img_path']
        content = read_bytes(path, self.backend_args)
        image = mmcv.imfrombytes(content, flag=self.color_type, backend=self.imdecode_backend)
        if image is None:
            raise DataError(f"'{path}' cannot be decoded as an image: copy or convert it again.")
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results


@TRANSFORMS.register_module()
class LoadLabel(BaseTransform):
    """Load a label map and apply the data set's class map.

    Unlike mmseg's `LoadAnnotations` it refuses ids outside the class map and a size that is not the
    image's. It works with data sets that derive from `FolderSegmentation`.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Add `gt_seg_map`, uint8 [H, W]."""
        if 'label_table' not in results:
            raise DataError(
                'mmuda.LoadLabel needs a data set that derives from '
                'mmuda.FolderSegmentation: with others use mmseg.LoadAnnotations.'
            )
        path = results['seg_map_path']
        label = read_label(path, results['label_table'], results['num_classes'], self.backend_args)
        size = results.get('ori_shape', label.shape)
        if label.shape != tuple(size[:2]):
            raise DataError(
                f"The label file '{path}' has {_size(label.shape)} pixels, but its "
                f"image '{results['img_path']}' has {_size(size)}: both must be equal."
            )
        results['gt_seg_map'] = label
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results


@TRANSFORMS.register_module()
class LoadIgnoreLabel(BaseTransform):
    """Stand in for a label map where there is none: every pixel is ignored."""

    def __init__(self, ignore_index: int = 255) -> None:
        self.ignore_index = ignore_index

    def transform(self, results: dict) -> dict:
        """Add `gt_seg_map`, uint8 [H, W], of the image's size."""
        results['gt_seg_map'] = np.full(results['img'].shape[:2], self.ignore_index, np.uint8)
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results


def _size(shape) -> str:
    return f'{shape[1]}×{shape[0]}'
