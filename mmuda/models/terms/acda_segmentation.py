"""ACDA for segmentation, which its paper leaves as future work: whole images across layers, classes in the same layer.

* Across layers (Eqs. 2–5) a sample is an image, as in classification: the stages' maps are projected and pooled to one
  small shape. An image has no one class, so this part is of the domains as wholes, whatever the condition.
* In the same layer (Eq. 6) a sample is a class in an image: the mean feature of its pixels, see
  :func:`mmuda.functional.class_prototypes`. Source pixels have their labels, target pixels the student's own
  predictions, which carry no gradient, or the labels of the model's labeller; so no clustering is needed.
  ``condition='none'`` compares the mean features of images instead.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmuda.functional import class_prototypes
from mmuda.registry import MODELS

from ..views import View
from .acda import ACDA, Labels


@MODELS.register_module()
class SegmentationACDA(ACDA):
    """:class:`ACDA` on feature maps with a label map; its same-layer taps give maps too.

    Tap the stages of an encoder by index, ``taps=('backbone.1', 'backbone.2', 'backbone.3')``, and the fused features
    of a SegFormer head by ``same_taps=('decode_head.fusion_conv.activate',)``.

    Args:
        ignore_index: Pixels of the labels that do not count.
        condition: Of the same-layer part.
        given_labels: Whether target pixels have the labels of the model's labeller, such as a teacher's, rather than
            the student's own predictions.
        kwargs: Arguments of :class:`ACDA`.
    """

    def __init__(
        self, *args, ignore_index: int = 255, condition: str = 'intra', given_labels: bool = False, **kwargs
    ) -> None:
        super().__init__(*args, condition=condition, **kwargs)
        self.ignore_index = ignore_index
        self.given_labels = given_labels

    def _labels(self, source: View, target: View) -> None:
        """An image has no one class."""

    def _waits_for_labels(self, labels: Labels | None) -> bool:
        return False

    def _same(self, source: View, target: View, labels: Labels | None) -> Tensor:
        """Eq. 6 on the classes of images, summed over the taps."""
        given = target.label if self.given_labels else target.logits.detach().argmax(1)
        return sum(
            self._distance_of_maps(self._map(source, tap), self._map(target, tap), (source.label, given), source)
            for tap in self.same_taps
        )

    def _distance_of_maps(self, source: Tensor, target: Tensor, labels: Labels, view: View) -> Tensor:
        """Of ``[B_s, C, h, w]`` and ``[B_t, C, h, w]`` with label maps."""
        if self.condition == 'none':
            return self._distance(source.mean((2, 3)), target.mean((2, 3)), None, view)
        (source, source_class), (target, target_class) = (
            self._prototypes(x, label, view.logits.shape[1]) for x, label in zip((source, target), labels, strict=True)
        )
        return self._distance(source, target, self._all(source_class, target_class), view)

    def _prototypes(self, features: Tensor, label: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """``[B·K, C]``, and the class of each ``[B·K]``: negative where the image does not show it."""
        vectors, valid = class_prototypes(features, label, num_classes, self.ignore_index)
        classes = torch.arange(num_classes, device=valid.device).repeat(len(label))
        return vectors, torch.where(valid, classes, -1)

    def _map(self, view: View, tap: str) -> Tensor:
        """``[B, C, h, w]``."""
        x = self._features(view, tap)
        if x.dim() != 4:
            raise ValueError(
                f'{type(self).__name__} pools pixels by class, but {tap!r} gives {list(x.shape[1:])} a sample: tap a '
                'feature map, such as a stage of the encoder, or use mmuda.ACDA.'
            )
        return x
