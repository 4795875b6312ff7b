"""Tests and trainings on images without labels, on four bands, and on images of several sizes: by the whole command."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch import nn

from mmuda.apis import UDAInferencer, UserError, evaluate, load_config, train
from mmuda.apis.channels import ChannelCheckHook
from mmuda.datasets import DataError

SIZES = ((32, 64), (64, 32), (32, 64), (64, 64))
SEGMENTOR = """
_base_ = 'REPO/configs/source_only/source-only_segformer_toy.py'
load = dict(type='mmuda.LoadImage', color_type='unchanged')
crop = dict(type='mmseg.RandomCrop', crop_size=(32, 32))
steps = [load, dict(type='mmuda.LoadLabel'), dict(type='mmseg.PackSegInputs')]
data = dict(_delete_=True, type='mmuda.FolderSegmentation', data_root='ROOT', metainfo=dict(classes=list('abcdefgh')))
labelled = dict(img_path='images', seg_map_path='labels')
model = dict(
    data_preprocessor=dict(mean=[100.0] * 4, std=[50.0] * 4, bgr_to_rgb=False),
    backbone=dict(embed_dims=8, in_channels=4), decode_head=dict(in_channels=[8, 16, 40, 64], channels=8))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False, sampler=dict(_delete_=True, type='mmuda.DomainSampler'),
    dataset=dict(source=dict(data, data_prefix=labelled, pipeline=[*steps[:2], crop, steps[2]])))
val_dataloader = dict(
    batch_size=4, num_workers=0, persistent_workers=False, dataset=dict(data, data_prefix=labelled, pipeline=steps))
test_dataloader = val_dataloader
train_cfg = dict(max_iters=2, val_interval=2)
param_scheduler = None
work_dir = 'ROOT/run'
"""


@pytest.fixture
def four_bands(repo, tmp_path):
    """Config of a network that sees red, green, blue and infrared, on images of three sizes."""
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate(SIZES):
        for folder, pixels in (('images', rng.integers(0, 256, (height, width, 4))), ('labels', None)):
            (tmp_path / folder).mkdir(exist_ok=True)
            pixels = rng.integers(0, 8, (height, width)) if pixels is None else pixels
            options = dict(photometric='rgb', extrasamples=['unspecified']) if pixels.ndim == 3 else {}
            suffix = '.tif' if pixels.ndim == 3 else '.png'
            path = tmp_path / folder / f'{number}{suffix}'
            save = tifffile.imwrite if options else lambda path, pixels: Image.fromarray(pixels).save(path)
            save(path, pixels.astype(np.uint8), **options)
    (tmp_path / 'config.py').write_text(SEGMENTOR.replace('REPO', str(repo)).replace('ROOT', str(tmp_path)))
    return tmp_path / 'config.py'


def maps(folder):
    return {path.name: np.asarray(Image.open(path)) for path in sorted(folder.glob('*.png'))}


def test_four_bands_and_mixed_sizes_train_score_and_predict(four_bands, tmp_path):
    runner = train(load_config(four_bands))
    assert runner.iter == 2
    checkpoint = str(tmp_path / 'x.pth')
    meta = dict(dataset_meta=runner.val_loop.dataloader.dataset.metainfo)
    torch.save(dict(state_dict=runner.model.state_dict(), meta=meta), checkpoint)
    folders = dict(label_dir=str(tmp_path / 'out'), overlay_dir=str(tmp_path / 'show'))
    assert set(evaluate(load_config(four_bands), checkpoint, **folders)) >= {'mIoU', 'IoU.a'}
    predict = UDAInferencer(four_bands, checkpoint, device='cpu')
    alone = predict(tmp_path / 'images', out_dir=tmp_path / 'alone', progress=False)
    assert [label.shape for label in alone] == list(SIZES)
    for one, batch in (('alone/labels', 'out'), ('alone/overlays', 'show')):
        written, tested = maps(tmp_path / one), maps(tmp_path / batch)
        assert len(written) == len(tested) == len(SIZES)
        assert all((written[name] == tested[name]).all() for name in written)
    bare = load_config(four_bands, {'test_dataloader.dataset.data_prefix.seg_map_path': None})
    assert evaluate(bare, checkpoint, label_dir=str(tmp_path / 'bare')) == {}
    assert len(maps(tmp_path / 'bare')) == len(SIZES)
    Image.new('RGB', SIZES[1][::-1]).save(tmp_path / 'images/1.tif')
    with pytest.raises(UserError, match=r"1 of 4 images failed, 3 are done: '.*1\.tif' has 3 channel\(s\)"):
        predict(tmp_path / 'images', progress=False)


@pytest.mark.parametrize('mode', ['train', 'val', 'test'])
def test_an_image_with_other_channels_is_named(mode):
    network = nn.Sequential(nn.Conv2d(4, 2, 1))
    hook = ChannelCheckHook()
    hook.before_run(SimpleNamespace(model=network))
    sample = SimpleNamespace(metainfo=dict(img_path='x.tif'))
    check = getattr(hook, f'before_{mode}_iter')
    check(None, 0, dict(inputs=[torch.zeros(4, 8, 8)], data_samples=[sample]))
    check(None, 0, dict(inputs=[[torch.zeros(3, 8, 8)]], data_samples=[[sample]]))  # views of test-time augmentation
    with pytest.raises(
        DataError, match=r"'x\.tif' has 3 channel\(s\) where the network takes 4: load images of one kind"
    ):
        check(None, 0, dict(inputs=[torch.zeros(3, 8, 8)], data_samples=[sample]))


def test_a_validation_without_labels_is_refused_before_the_first_step(four_bands, tmp_path):
    options = {'val_dataloader.dataset.data_prefix.seg_map_path': None}
    with pytest.raises(UserError, match='images of val_dataloader have no labels to score'):
        train(load_config(four_bands, options))
    assert not (tmp_path / 'run').exists()


def test_a_validation_without_labels_chooses_a_checkpoint_by_a_criterion_that_needs_none(four_bands, tmp_path):
    cfg = load_config(four_bands, {'val_dataloader.dataset.data_prefix.seg_map_path': None})
    cfg.val_evaluator = dict(type='mmuda.LabelFreeMetric')
    cfg.default_hooks.checkpoint.update(save_best='mmuda/entropy')
    hub = train(cfg).message_hub
    assert hub.get_info('best_ckpt').endswith('best_mmuda_entropy_iter_2.pth')
    assert hub.get_info('best_score') == hub.get_scalar('val/mmuda/entropy').current()


@pytest.mark.parametrize('labelled', [True, False])
def test_a_classifier_s_test_writes_a_table(classifier, tmp_path, labelled):
    for number, name in enumerate(('ape', 'bee', 'cat')):
        (tmp_path / 'classes' / name).mkdir(parents=True)
        Image.fromarray(np.full((28, 28, 3), 80 * number, np.uint8)).save(tmp_path / 'classes' / name / 'x.png')
    config, checkpoint = classifier()
    options = {'test_dataloader.dataset.labelled': labelled, 'work_dir': str(tmp_path / 'run')}
    scores = evaluate(load_config(config, options), str(checkpoint), label_dir=str(tmp_path / 'out'))
    assert set(scores) == ({'accuracy', 'mean_class_accuracy'} if labelled else set())
    with open(tmp_path / 'out/predictions.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [row['image'].rsplit('/', 2)[1] for row in rows] == ['ape', 'bee', 'cat']
    predict = UDAInferencer(config, checkpoint, device='cpu')
    assert [row['class'] for row in rows] == [result.name for result in predict(tmp_path / 'classes', progress=False)]
    if not labelled:
        with pytest.raises(UserError, match='test images have no labels to score: write predictions by --out'):
            evaluate(load_config(config, options), str(checkpoint))
    with pytest.raises(UserError, match='ImageClassifier classifies here: use --out'):
        evaluate(load_config(config, options), str(checkpoint), overlay_dir=str(tmp_path / 'show'))
