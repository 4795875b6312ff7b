# Office-Caltech-10: one of {amazon,caltech10,dslr,webcam} (labelled) -> another (images only), 10 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=dslr-amazon python tools/train.py ... --work-dir ... (default amazon-webcam).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout: $MMUDA_DATA/office_caltech10/<domain>/<class>/*.jpg
data_root = '{{$MMUDA_DATA:data}}/office_caltech10'
pair = '{{$MMUDA_PAIR:amazon-webcam}}'
source_domain, target_domain = pair.split('-')
train_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='mmpretrain.RandomResizedCrop', scale=224),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='mmpretrain.CenterCrop', crop_size=224),
    dict(type='mmpretrain.PackInputs'),
]
# tools/test.py --tta: ten crops an image, softmax scores summed, as in TransNorm's released code.
tta_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(256, 256)),
    dict(type='mmuda.TenCrop', crop_size=224, transforms=[dict(type='mmpretrain.PackInputs')]),
]
tta_model = dict(type='mmuda.ScoreSumTTA')
source = dict(
    type='mmuda.OfficeCaltech10',
    data_root=data_root,
    data_prefix=dict(img_path=source_domain),
    pipeline=train_pipeline,
)
target = dict(source, data_prefix=dict(img_path=target_domain))

train_dataloader = dict(
    batch_size=72,  # 36 source + 36 target images
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(type='mmuda.DomainDataset', source=source, target=dict(target, labelled=False)),
)

val_dataloader = dict(
    batch_size=50,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(target, pipeline=test_pipeline),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
