"""Facts of HRDA and MIC on it: sizes that fit each other, margins, rare classes, blocks."""

import pytest
from mmengine.config import Config

from mmuda.functional import block_grid, check_box
from mmuda.models.uda.methods import join_methods

LEAVES = [
    'hrda/hrda_daformer_mit-b5_gta2cs',
    'hrda/hrda_daformer_mit-b5_synthia2cs',
    'mic/mic-hrda_daformer_mit-b5_gta2cs',
]


@pytest.mark.parametrize('leaf', LEAVES)
def test_the_papers_settings(repo, leaf):
    cfg = Config.fromfile(repo / f'configs/{leaf}.py')
    student, data = cfg.model.student, cfg.train_dataloader.dataset
    method = join_methods(cfg.model.methods, {})
    (crop,) = {tuple(step.crop_size) for step in data.source.pipeline if 'crop_size' in step}
    margins = data.target.pipeline[-1]
    (target_crop,) = {tuple(step.crop_size) for step in margins.transforms if 'crop_size' in step}
    assert crop == target_crop == tuple(student.test_cfg.crop_size) == (1024, 1024)
    assert (student.test_cfg.mode, tuple(student.test_cfg.stride)) == ('slide', (512, 512))
    assert (student.context_scale, tuple(student.detail_crop), tuple(student.detail_stride)) == (
        0.5,
        (512, 512),
        (256, 256),
    )
    check_box(crop, student.detail_crop, 8)
    assert student.decode_head.detail_loss_weight == 0.1
    assert [margins[side] for side in ('top', 'bottom', 'left', 'right')] == [30, 240, 30, 30]
    assert 'ignore_top' not in method['labeller']  # the margins take the place of rows of the crop
    assert (data.rare_class_min_pixels, data.rare_class_ratio * cfg.train_dataloader.sampler.min_pixels) == (6000, 6000)
    assert not any(step.type.endswith('Resize') for step in cfg.test_dataloader.dataset.pipeline)  # at full size
    if 'mic' in leaf:
        assert block_grid(crop, method['views']['masked']['block']) == (16, 16)


def test_blocks_are_half_as_large_on_images_of_half_the_size(repo):
    cfg = Config.fromfile(repo / 'configs/mic/mic_daformer_mit-b5_gta2cs.py')
    assert join_methods(cfg.model.methods, {})['views']['masked']['block'] == 32
