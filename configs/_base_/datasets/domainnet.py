# DomainNet: five of {clipart,infograph,painting,quickdraw,real,sketch} (labelled) -> the sixth (images only), 345
# classes, 224x224, 6 images of each a batch, with a strong view of each target image.
# The target is one variable: MMUDA_TARGET=sketch python tools/train.py ... --work-dir ... (default clipart).
# Layout: $MMUDA_DATA/domainnet/<domain>/<class>/*, and the published lists splits/<domain>_{train,test}.txt with lines
# such as `clipart/aircraft_carrier/clipart_001_000001.jpg 0`. Classes are called by their numbers.
_base_ = '../pipelines/two_views_224.py'
num_classes = 345
target_domain = '{{$MMUDA_TARGET:clipart}}'
domains = ['clipart', 'infograph', 'painting', 'quickdraw', 'real', 'sketch']
images = dict(
    type='mmuda.FolderClassification',
    data_root='{{$MMUDA_DATA:data}}/domainnet',
    metainfo=dict(classes=[str(number) for number in range(345)]),
)

train_dataloader = dict(
    batch_size=36,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(6, 6, 6, 6, 6, 6), epoch='source'),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=[
            dict(images, ann_file=f'splits/{name}_train.txt', pipeline=_base_.one_view)
            for name in domains
            if name != target_domain
        ],
        target=dict(images, ann_file=f'splits/{target_domain}_train.txt', pipeline=_base_.two_views, labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=100,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(images, ann_file=f'splits/{target_domain}_test.txt', pipeline=_base_.plain_view),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
