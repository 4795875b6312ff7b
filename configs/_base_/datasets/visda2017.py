# VisDA-2017: rendered objects (labelled) -> photographs (images only), 12 classes, 224x224.
# The pair is one variable as for other data, but the challenge has this one only: MMUDA_PAIR=train-validation.
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/visda2017/{train,validation}/<class>/*
data_root = '{{$MMUDA_DATA:data}}/visda2017'
pair = '{{$MMUDA_PAIR:train-validation}}'
source_domain, target_domain = pair.split('-')
# fmt: off
classes = [
    'aeroplane', 'bicycle', 'bus', 'car', 'horse', 'knife', 'motorcycle', 'person', 'plant', 'skateboard', 'train',
    'truck',
]
# fmt: on
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
    type='mmuda.FolderClassification',
    data_root=data_root,
    data_prefix=dict(img_path=source_domain),
    metainfo=dict(classes=classes),
    pipeline=train_pipeline,
)
target = dict(source, data_prefix=dict(img_path=target_domain))

train_dataloader = dict(
    batch_size=72,  # 36 source + 36 target images
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(type='mmuda.DomainDataset', source=source, target=dict(target, labelled=False)),
)

val_dataloader = dict(
    batch_size=50,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(target, pipeline=test_pipeline),
)
val_evaluator = dict(type='mmuda.ClassificationMetric', per_class=True)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
