"""The first steps of every pipeline: picture, label map, or an all-ignore map."""

import numpy as np

from mmuda import compat
from mmuda.registry import TRANSFORMS

from ..errors import DataError
from ..label_maps import read_label
from ..reading import COLOR_TYPES, read_facts, read_image

compat.apply()

from mmcv.transforms import BaseTransform, LoadImageFromFile


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """Load an image by the rules of `mmuda.datasets.reading`, which hold for inference and tools, too.

    Args:
        color_type: `color` for uint8 [H, W, 3] in BGR, `grayscale` for uint8 [H, W], `unchanged` for all bands of the
            file, float32 unless they are uint8; then the network's `in_channels`, and `mean` and `std` of its data
            preprocessor, are those of the bands.
        to_float32: convert also uint8.
        backend_args: of mmengine's `fileio`.
    """

    def __init__(
        self, color_type: str = 'color', to_float32: bool = False, *, backend_args: dict | None = None
    ) -> None:
        if color_type not in COLOR_TYPES:
            raise DataError(f"LoadImage has color_type='{color_type}': use one of {', '.join(COLOR_TYPES)}.")
        super().__init__(to_float32=to_float32, color_type=color_type, backend_args=backend_args)

    def transform(self, results: dict) -> dict:
        """Add `img`, `img_shape` and `ori_shape`."""
        image = read_image(results['img_path'], self.color_type, self.backend_args)
        results['img'] = image.astype(np.float32) if self.to_float32 or image.dtype != np.uint8 else image
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
        path = results.get('seg_map_path')
        if path is None:
            raise DataError(
                f"The image '{results['img_path']}' has no label map: name the labels' folder in "
                '`data_prefix.seg_map_path`.'
            )
        label = read_label(path, results['label_table'], results['num_classes'], self.backend_args)
        size = results.get('ori_shape', label.shape)
        if label.shape != tuple(size[:2]):
            raise DataError(
                f"The label file '{path}' has {_size(label.shape)} pixels, but its "
                f"image '{results['img_path']}' has {_size(size)}: both must be equal{_if_turned(results, self)}."
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


class LoadStoredLabel(BaseTransform):
    """Load the pseudo-label that an earlier model predicted for an image; `with_stored_labels` puts it in its place.

    Args:
        files: label file of each image path.
        table, num_classes: of `read_label`.
    """

    def __init__(self, files: dict[str, str], table: np.ndarray, num_classes: int) -> None:
        self.files, self.table, self.num_classes = files, table, num_classes

    def transform(self, results: dict) -> dict:
        """Add `gt_seg_map`, uint8 [H, W]."""
        path = self.files[results['img_path']]
        label = read_label(path, self.table, self.num_classes)
        if label.shape != tuple(results['ori_shape'][:2]):
            raise DataError(
                f"The pseudo-label '{path}' has {_size(label.shape)} pixels, but its image '{results['img_path']}' has "
                f'{_size(results["ori_shape"])}: predict it again.'
            )
        results['gt_seg_map'] = label
        results.setdefault('seg_fields', []).append('gt_seg_map')
        return results


def _size(shape) -> str:
    return f'{shape[1]}×{shape[0]}'


def _if_turned(results: dict, loader: LoadLabel) -> str:
    """Tell what to do when the image is shown turned, but the label map was drawn on it as stored."""
    orientation = read_facts(results['img_path'], loader.backend_args).orientation
    if orientation == 1:
        return ''
    return (
        f' (the orientation tag {orientation} of the image has been applied: turn the label maps, or take the tag off '
        'the images)'
    )
