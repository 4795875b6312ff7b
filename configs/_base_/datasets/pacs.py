# PACS: three of {art_painting,cartoon,photo,sketch} (labelled) -> the fourth (images only), 7 classes, 224x224, 16
# images of each a batch, with a strong view of each target image.
# The target is one variable: MMUDA_TARGET=photo python tools/train.py ... --work-dir ... (default sketch).
# Sources and target are the published training parts; the published test list of the target, which is scored, is the
# whole domain. One broken image is left out.
# Layout: $MMUDA_DATA/pacs/images/<domain>/<class>/*, and splits/<domain>_{train,test}_kfold.txt
_base_ = '../pipelines/two_views_224.py'
num_classes = 7
target_domain = '{{$MMUDA_TARGET:sketch}}'
source_domains = [name for name in ('art_painting', 'cartoon', 'photo', 'sketch') if name != target_domain]
images = dict(type='mmuda.PACS', data_root='{{$MMUDA_DATA:data}}/pacs', data_prefix=dict(img_path='images'))

train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(16, 16, 16, 16), epoch='source'),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=[
            dict(images, ann_file=f'splits/{name}_train_kfold.txt', pipeline=_base_.one_view) for name in source_domains
        ],
        target=dict(
            images, ann_file=f'splits/{target_domain}_train_kfold.txt', pipeline=_base_.two_views, labelled=False
        ),
    ),
)

val_dataloader = dict(
    batch_size=100,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(images, ann_file=f'splits/{target_domain}_test_kfold.txt', pipeline=_base_.plain_view),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
