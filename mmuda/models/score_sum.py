"""Several views of an image, one decision: the class whose scores sum to the most."""

from __future__ import annotations

from mmengine.model import BaseTTAModel

from mmuda.registry import MODELS


@MODELS.register_module()
class ScoreSumTTA(BaseTTAModel):
    """Classifies an image by the sum of the softmax scores of its views, such as the ten of `mmuda.TenCrop`.

    The scores are divided by the number of views, so they stay probabilities. mmpretrain's `AverageClsScoreTTA` does
    the same but leaves the first view's decision in `pred_label`.
    """

    def merge_preds(self, data_samples_list: list) -> list:
        """The views' samples of every image -> one sample an image."""
        return [_merged(views) for views in data_samples_list]


def _merged(views: list):
    score = sum(view.pred_score for view in views) / len(views)
    return views[0].new().set_pred_score(score).set_pred_label(score.argmax(0, keepdim=True))
