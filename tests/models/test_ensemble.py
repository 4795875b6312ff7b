"""An ensemble says what the mean of its networks' probabilities says."""

import pytest
import torch

pytest.importorskip('mmseg')

from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmuda.models.ensemble import Ensemble, probability_of
from mmuda.models.uda import SelfTrainingUDA, UDAModel


@pytest.fixture
def batch(domain_batch):
    """Two images to predict."""
    found = domain_batch('tt')
    for sample in found['data_samples']:
        sample.set_metainfo(dict(ori_shape=(32, 32), img_shape=(32, 32)))
    return found


@pytest.fixture
def segmentors(tiny_student):
    """Three networks far apart, one of them within a self-training model."""
    cfg = ConfigDict(tiny_student())
    built = [UDAModel(task='segmentation', student=cfg) for _ in range(2)]
    built.append(SelfTrainingUDA(task='segmentation', student=cfg, teacher='fixed', predict_on='teacher'))
    for model in built:
        for net in (model.student, getattr(model, 'teacher', model.student)):
            torch.nn.init.normal_(net.decode_head.conv_seg.weight, std=3.0)
    return built


def test_pixels(segmentors, batch):
    """The mean of probabilities is not that of logits, and the log of it is what takes the logits' place."""
    ensemble = Ensemble(segmentors).eval()
    alone = [[sample.seg_logits.data for sample in model.eval().test_step(batch)] for model in segmentors]
    differs = 0
    for sample, logits in zip(ensemble.test_step(batch), zip(*alone), strict=True):
        logits = torch.stack(logits)
        mean = logits.softmax(1).mean(0)
        torch.testing.assert_close(probability_of(sample), mean)
        assert torch.equal(sample.pred_sem_seg.data, mean.argmax(0, keepdim=True))
        differs += (logits.mean(0).argmax(0) != mean.argmax(0)).sum()
    assert differs > 0


def test_one_network_is_itself(segmentors, batch):
    alone, same = segmentors[0].eval().test_step(batch)[0], Ensemble(segmentors[:1]).eval().test_step(batch)[0]
    torch.testing.assert_close(probability_of(same), probability_of(alone))
    assert torch.equal(same.pred_sem_seg.data, alone.pred_sem_seg.data)


def test_images(tiny_classifier, class_batch):
    models = [UDAModel(task='classification', student=tiny_classifier()).eval() for _ in range(3)]
    batch = class_batch('tt')
    scores = torch.stack([torch.stack([x.pred_score for x in model.test_step(batch)]) for model in models])
    found = Ensemble(models).eval().test_step(batch)
    torch.testing.assert_close(torch.stack([x.pred_score for x in found]), scores.mean(0))
    assert [x.pred_label.item() for x in found] == scores.mean(0).argmax(1).tolist()


@pytest.mark.parametrize('scores, words', [(1, 'one score a pixel'), (None, 'no class scores')])
def test_what_has_no_probabilities(scores, words):
    sample = SegDataSample()
    if scores:
        sample.seg_logits = PixelData(data=torch.zeros(scores, 2, 2))
    with pytest.raises(ValueError, match=f'a network gives {words}: predict with one checkpoint'):
        probability_of(sample)
