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

from mmuda.functional import class_prototypes, contrastive_domain_discrepancy
from mmuda.registry import MODELS

from ..views import View
from .acda import ACDA, Labels, Maps


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

    Example:
        >>> maps = dict(early=torch.rand(2, 8, 16, 16), late=torch.rand(2, 16, 8, 8))
        >>> parts = dict(features=maps, logits=torch.rand(2, 3, 8, 8))
        >>> source = View(torch.rand(2, 3, 32, 32), label=torch.randint(0, 3, (2, 32, 32)), domain='source', **parts)
        >>> target = View(torch.rand(2, 3, 32, 32), **parts)
        >>> term = SegmentationACDA(taps=('early', 'late'), in_channels=(8, 16), same_taps=('late',))
        >>> term(source, target, step=torch.tensor(0))['loss'].shape
        torch.Size([])
    """

    def __init__(
        self, *args, ignore_index: int = 255, condition: str = 'intra', given_labels: bool = False, **kwargs
    ) -> None:
        super().__init__(*args, condition=condition, **kwargs)
        self.ignore_index = ignore_index
        self.given_labels = given_labels

    def _labels(self, source: View, target: View) -> None:
        """Give no labels: an image has no one class."""

    def _waits_for_labels(self, labels: Labels | None) -> bool:
        return False

    def _distances(
        self, source: View, target: View, maps: Maps | None, labels: None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Compute Eq. 3 of whole images, and Eq. 6 of the classes of images."""
        if self.condition == 'none':
            means = [
                (self._map(source, tap).mean((2, 3)), self._map(target, tap).mean((2, 3))) for tap in self.same_taps
            ]
            return self._of_domains(maps, [self._all(*pair) for pair in means])
        cross = None if maps is None else self._of_domains(maps, ())[0]
        return cross, self._of_classes(source, target) if self.same_taps else None

    def _of_classes(self, source: View, target: View) -> Tensor:
        """Return the loss, summed over the taps."""
        given = target.label if self.given_labels else target.logits.detach().argmax(1)
        options = self._classes(source) | self.kernels
        total = 0
        for tap in self.same_taps:
            (vectors, classes), (target_vectors, target_classes) = (
                self._prototypes(self._map(view, tap), label, source.logits.shape[1])
                for view, label in ((source, source.label), (target, given))
            )
            rows = self._all(vectors, target_vectors, classes, target_classes)
            total = total + contrastive_domain_discrepancy(*rows, **options)['cdd']
        return total

    def _prototypes(self, features: Tensor, label: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
        """Return ``[B·K, C]``, and the class of each ``[B·K]``: negative where the image does not show it."""
        vectors, valid = class_prototypes(features, label, num_classes, self.ignore_index)
        classes = torch.arange(num_classes, device=valid.device).repeat(len(label))
        return vectors, torch.where(valid, classes, -1)

    def _map(self, view: View, tap: str) -> Tensor:
        """Return ``[B, C, h, w]``."""
        x = self._features(view, tap)
        if x.dim() != 4:
            raise ValueError(
                f'{type(self).__name__} pools pixels by class, but {tap!r} gives {list(x.shape[1:])} a sample: tap a '
                'feature map, such as a stage of the encoder, or use mmuda.ACDA.'
            )
        return x
