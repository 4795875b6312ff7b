"""Views of an image are merged by the sum of their scores, by class and from the command line."""

import pytest
import torch

pytest.importorskip('mmpretrain')
pytest.importorskip('torchvision')

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample

from mmuda.apis import UserError, enable_tta
from mmuda.models import ScoreSumTTA
from mmuda.models.uda import UDAModel


def view(*scores):
    score = torch.tensor(scores)
    return DataSample().set_gt_label(0).set_pred_score(score).set_pred_label(score.argmax())


def test_the_sum_decides_not_the_first_view(tiny_classifier):
    model = ScoreSumTTA(UDAModel(task='classification', student=tiny_classifier()))
    (merged,) = model.merge_preds([[view(0.5, 0.4, 0.1), view(0.1, 0.8, 0.1)]])
    torch.testing.assert_close(merged.pred_score, torch.tensor([0.3, 0.6, 0.1]))
    assert merged.pred_label.tolist() == [1]
    assert merged.gt_label.tolist() == [0]


def test_a_step_is_the_mean_over_views(tiny_classifier, class_batch):
    student = UDAModel(task='classification', student=tiny_classifier()).eval()
    batches = [class_batch('tt'), class_batch('tt')]
    data = {key: [batch[key] for batch in batches] for key in batches[0]}
    expected = sum(torch.stack([x.pred_score for x in student.test_step(batch)]) for batch in batches) / 2
    merged = ScoreSumTTA(student).test_step(data)
    torch.testing.assert_close(torch.stack([x.pred_score for x in merged]), expected)


@pytest.fixture
def cfg(tiny_classifier, tmp_path):
    """A run's config on four random images; the checkpoint is that of its model."""
    import numpy as np

    images = np.random.default_rng(0).integers(0, 256, (4, 10, 10), dtype=np.uint8)
    np.savez(tmp_path / 'digits.npz', x=images, y=np.array([0, 1, 2, 0]))
    student = tiny_classifier()
    student['head']['num_classes'] = 10
    packed = [dict(type='mmpretrain.PackInputs')]
    data = dict(type='mmuda.Digits', data_root=str(tmp_path), ann_file='digits.npz', image_key='x', label_key='y')
    return Config(
        dict(
            default_scope='mmuda',
            work_dir=str(tmp_path / 'run'),
            model=dict(type='UDAModel', task='classification', student=student),
            test_dataloader=dict(
                batch_size=2,
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(data, pipeline=packed),
            ),
            test_evaluator=dict(type='ClassificationMetric'),
            test_cfg=dict(),
            tta_pipeline=[dict(type='mmuda.TenCrop', crop_size=8, transforms=packed)],
            tta_model=dict(type='mmuda.ScoreSumTTA'),
        )
    )


def test_ten_crops_from_a_config(cfg, tmp_path):
    from mmuda.apis import evaluate
    from mmuda.registry import MODELS

    with DefaultScope.overwrite_default_scope('mmuda'):
        model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'model.pth')
    enable_tta(cfg)
    scores = evaluate(cfg, str(tmp_path / 'model.pth'))
    assert 0 <= scores['accuracy'] <= 100


def test_a_config_without_augmentation(cfg):
    cfg.tta_pipeline = None
    with pytest.raises(UserError, match=r'--tta needs tta_pipeline in the config'):
        enable_tta(cfg)
