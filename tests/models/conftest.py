"""A classifier small enough for a unit test, and batches for it."""

import pytest
import torch

CLASSES = 3


@pytest.fixture
def tiny_classifier():
    """``make(norm)`` → config of an mmpretrain classifier of 8×8 images with a bottleneck of 4 channels."""
    pytest.importorskip('mmpretrain')
    pytest.importorskip('torchvision')

    def make(norm: str = 'BN', **head) -> dict:
        return dict(
            type='ImageClassifier',
            data_preprocessor=dict(type='ClsDataPreprocessor', mean=[127.5] * 3, std=[127.5] * 3),
            backbone=dict(type='mmuda.TinyBackbone', norm=norm),
            neck=dict(type='mmuda.Bottleneck', in_channels=6, out_channels=4),
            head=dict(type='LinearClsHead', num_classes=CLASSES, in_channels=4) | head,
        )

    return make


@pytest.fixture
def hrda_student(tiny_student):
    """``make()`` → config of HRDA on the small segmentor: details of 32 × 32 pixels; keywords go into its head."""

    def make(size: int = 64, **head) -> dict:
        cfg = tiny_student(size=size, dropout_ratio=0, embed_dims=8, dilations=(1, 2))
        cfg['backbone']['drop_path_rate'] = 0.0
        one = dict(cfg['decode_head'], type='mmuda.DAFormerHead')
        shared = dict(num_classes=one['num_classes'], align_corners=False)
        cfg['decode_head'] = dict(
            type='mmuda.HRDAHead', head=one, attention=dict(one, dilations=(1,), bottleneck=False), **shared, **head
        )
        return dict(cfg, type='mmuda.MultiResolutionSegmentor', detail_crop=(32, 32), detail_stride=(16, 16))

    return make


@pytest.fixture
def class_batch():
    """``make('stst')`` → an un-collated batch in an order as a dataloader may yield it."""
    pytest.importorskip('torchvision')
    from mmpretrain.structures import DataSample

    def make(domains: str = 'stst', size: int = 8) -> dict:
        names, samples = dict(s='source', t='target'), []
        for number, letter in enumerate(domains):
            sample = DataSample(metainfo=dict(domain=names[letter], img_path=f'{letter}{number}.png'))
            samples.append(sample.set_gt_label(number % CLASSES if letter == 's' else -100))
        inputs = [torch.randint(0, 256, (3, size, size), dtype=torch.uint8) for _ in domains]
        return dict(inputs=inputs, data_samples=samples)

    return make


@pytest.fixture
def view_batch(class_batch):
    """``make('stst')`` → the same with a strong view of every image."""

    def make(domains: str = 'stst', size: int = 8) -> dict:
        batch = class_batch(domains, size)
        for sample in batch['data_samples']:
            sample.set_field(torch.randint(0, 256, (3, size, size), dtype=torch.uint8), 'strong_view')
        return batch

    return make


@pytest.fixture(autouse=True, scope='session')
def _register_tiny_backbone():
    from mmuda.registry import MODELS

    class TinyBackbone(torch.nn.Module):
        """One convolution to 6 channels and a norm, as a tuple of one level."""

        def __init__(self, norm: str = 'BN') -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 6, 3)
            self.norm = torch.nn.BatchNorm2d(6) if norm == 'BN' else torch.nn.GroupNorm(2, 6)

        def forward(self, x):
            return (self.norm(self.conv(x)).relu(),)

    MODELS.register_module(module=TinyBackbone, force=True)
