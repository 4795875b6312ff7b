"""A weak and a strong view of one image, for methods that learn the strong one by what they say of the weak one."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmuda import compat
from mmuda.domain import STRONG_VIEW
from mmuda.registry import TRANSFORMS

from ..errors import DataError

compat.apply()

from mmcv.transforms import BaseTransform, Compose


@TRANSFORMS.register_module()
class TwoViews(BaseTransform):
    """Finish an image twice, as a last step: the weak view is the input, the strong one travels in its sample.

    So a data loader handles the pair like any other sample, and a model that wants no strong view does not see it.

    Args:
        weak: steps of the weak view; the last one packs it, such as `dict(type='mmpretrain.PackInputs')`.
        strong: steps of the strong view's image; nothing packs it.
    """

    def __init__(self, weak: list[dict], strong: list[dict]) -> None:
        self.weak = Compose(weak)
        self.strong = Compose(strong)

    def transform(self, results: dict) -> dict:
        """Map `img` [H, W, ...] and its meta data to the packed weak view, whose sample has `strong_view` [C, H, W]."""
        strong = self.strong(dict(results, img=results['img'].copy()))['img']
        packed = self.weak(results)
        if not isinstance(packed, dict) or 'data_samples' not in packed:
            raise DataError(
                "The weak steps of TwoViews yield no packed sample: end them with dict(type='mmpretrain.PackInputs')."
            )
        packed['data_samples'].set_field(_to_tensor(strong), STRONG_VIEW)
        return packed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(weak={self.weak}, strong={self.strong})'


def _to_tensor(image: np.ndarray) -> Tensor:
    """Map `[H, W]` or `[H, W, C]` -> `[C, H, W]`, as packing does."""
    channels_last = image if image.ndim == 3 else image[..., None]
    return torch.from_numpy(np.ascontiguousarray(channels_last.transpose(2, 0, 1)))
