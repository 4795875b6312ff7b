"""Several views of an image: which ones a config gives, and what is made of them."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from PIL import Image

from mmuda.apis import UDAInferencer, UserError, check_config, enable_tta, load_config
from mmuda.apis.tta import augmented
from mmuda.models import ScoreSumTTA

REPO = Path(__file__).resolve().parents[2]
ALONE = {'tta_views.scales': (1.0,), 'tta_views.flip': False}
CLASSIFIER = REPO / 'configs/dann/dann_lenet_mnist2usps.py'


def kinds(steps) -> list[str]:
    return [step['type'].rpartition('.')[2] for step in steps]


def test_views_are_scaled_and_mirrored_and_labels_are_not(tmp_path):
    cfg = load_config(REPO / 'configs/stct/stct_segformer_toy.py', {'tta_views.scales': (0.5, 1.0)})
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / 'x.png')
    Image.fromarray(image[..., 0] % 8).save(tmp_path / 'label.png')
    steps = [step for step in cfg.test_dataloader.dataset.pipeline if 'Label' not in step['type']]
    info = dict(img_path=str(tmp_path / 'x.png'), seg_map_path=str(tmp_path / 'label.png'))
    with DefaultScope.overwrite_default_scope('mmuda'):
        pipeline = Compose(augmented(cfg, [steps[0], dict(type='mmseg.LoadAnnotations'), *steps[1:]]))
        found = pipeline(dict(info, reduce_zero_label=False, seg_fields=[]))
    assert sorted(tuple(x.shape[1:]) for x in found['inputs']) == [(20, 30)] * 2 + [(40, 60)] * 2
    for sample, x in zip(found['data_samples'], found['inputs']):
        other = next(
            y for s, y in zip(found['data_samples'], found['inputs']) if s.flip != sample.flip and y.shape == x.shape
        )
        assert torch.equal(x, other.flip(-1))
        assert np.array_equal(sample.gt_sem_seg.data[0], image[..., 0] % 8)


def test_mirrored_scores_are_mirrored_back(toy):
    flipped = UDAInferencer(*toy, device='cpu', cfg_options={'tta_views.scales': (1.0,)}, tta=True)
    plain = UDAInferencer(*toy, device='cpu')
    weights = torch.randn_like(plain.network.decode_head.conv_seg.weight)
    for predict in (flipped, plain):
        predict.network.decode_head.conv_seg.weight.data = 10 * weights
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    x = plain.prepare(image)
    with torch.inference_mode():
        there, back = (plain.network.encode_decode(v, [dict(img_shape=(48, 64))]).softmax(1) for v in (x, x.flip(-1)))
    expected = ((there + back.flip(-1)) / 2)[0]
    assert np.array_equal(flipped.predict(image), expected.argmax(0))
    assert len(np.unique(expected.argmax(0))) > 1
    assert not np.array_equal(flipped.predict(image), plain.predict(image))


def test_one_view_alone_is_the_plain_prediction(toy, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(image).save(tmp_path / 'x.png')
    for name, options in (('plain', {}), ('tta', dict(cfg_options=ALONE, tta=True))):
        predict = UDAInferencer(*toy, predict_on='teacher', device='cpu', **options)
        predict(tmp_path / 'x.png', tmp_path / name, confidence=True)
    for kind in ('labels', 'overlays', 'confidence'):
        first, second = (np.asarray(Image.open(tmp_path / name / kind / 'x.png')) for name in ('plain', 'tta'))
        assert np.array_equal(first, second), kind


def test_maps_are_merged_as_mmseg_does():
    from mmseg.models.segmentors import SegTTAModel
    from mmseg.structures import SegDataSample

    module = torch.nn.Module()
    module.out_channels, module.test_step = 3, None  # merging reads the one and calls the other never
    logits = 3 * torch.randn(2, 3, 4, 5)
    views = [SegDataSample(seg_logits=PixelData(data=x), metainfo=dict(img_path='x')) for x in logits]
    (ours,) = ScoreSumTTA(module).merge_preds([views])
    (host,) = SegTTAModel(module).merge_preds([[view.new() for view in views]])
    assert torch.equal(ours.pred_sem_seg.data, host.pred_sem_seg.data)
    torch.testing.assert_close(ours.seg_logits.data.softmax(0), logits.softmax(1).mean(0))


@pytest.mark.parametrize(
    'change, sentence',
    [
        (dict(tta_model=None), '--tta needs tta_model in the config'),
        (dict(tta_views=None), '--tta needs tta_pipeline in the config, or of a segmentor tta_views'),
        (dict(tta_views=dict(scales=0.5)), r"tta_views=\{'scales': 0\.5\} is not of the form"),
        (dict(tta_views=dict(scales=(0.0,))), 'is not of the form'),
        (dict(tta_views=dict(scale=(0.5,))), 'is not of the form'),
    ],
    ids=['model', 'views', 'number', 'zero', 'misspelt'],
)
def test_views_that_cannot_be(change, sentence):
    cfg = load_config(REPO / 'configs/stct/stct_segformer_toy.py')
    for key, value in change.items():
        cfg[key] = value
    with pytest.raises(UserError, match=sentence):
        enable_tta(cfg)


def test_a_classifier_without_a_pipeline_of_views():
    with pytest.raises(UserError, match=r'--tta needs tta_pipeline.*ten crops.*classification_224'):
        enable_tta(load_config(CLASSIFIER))


def test_sets_inside_a_set_have_views_of_their_own():
    cfg = load_config(REPO / 'configs/stct/stct_segformer_toy.py')
    part = cfg.test_dataloader.dataset
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[part, copy.deepcopy(part)])
    enable_tta(cfg)
    assert [kinds(part.pipeline) for part in cfg.test_dataloader.dataset.datasets] == [['LoadImage', 'TestTimeAug']] * 2


def test_a_training_refuses_views_that_its_tests_could_not_make():
    cfg = load_config(REPO / 'configs/stct/stct_segformer_toy.py', {'tta_views.flpi': True})
    with pytest.raises(UserError, match=r"'flpi': True\} is not of the form dict\(scales=\(0\.5, 1\.0\), flip=True\)"):
        check_config(cfg, 'train')
