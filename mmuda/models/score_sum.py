"""Several views of an image, one decision: the class whose scores sum to the most."""

from __future__ import annotations

from mmengine.model import BaseTTAModel

from mmuda.registry import MODELS

from .ensemble import decided, probability_of


@MODELS.register_module()
class ScoreSumTTA(BaseTTAModel):
    """Classifies an image, or each of its pixels, by the sum of the softmax scores of its views.

    The scores are divided by the number of views, so they stay probabilities. Of classifiers mmpretrain's
    `AverageClsScoreTTA` does the same but leaves the first view's decision in `pred_label`; of segmentors mmseg's
    `SegTTAModel` does but knows no wrapped network, and leaves the last view's scores in `seg_logits`. A segmentor
    gives the maps of the image as it was: it undoes the size and the mirroring of a view.
    """

    def merge_preds(self, data_samples_list: list) -> list:
        """Merge the views' samples of every image into one sample an image."""
        return [decided(views[0].new(), sum(map(probability_of, views)) / len(views)) for views in data_samples_list]
