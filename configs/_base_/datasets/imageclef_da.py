# ImageCLEF-DA: one of {i,c,p} (ImageNet, Caltech, Pascal; labelled) -> another (images only), 12 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=c-p python tools/train.py ... --work-dir ... (default i-p).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/imageclef_da/{i,c,p}/*, and list/{i,c,p}List.txt with lines such as `i/name.JPEG 0`
data_root = '{{$MMUDA_DATA:data}}/imageclef_da'
pair = '{{$MMUDA_PAIR:i-p}}'
source_domain, target_domain = pair.split('-')
# fmt: off
classes = [
    'aeroplane', 'bike', 'bird', 'boat', 'bottle', 'bus', 'car', 'dog', 'horse', 'monitor', 'motorbike', 'people',
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
    ann_file=f'list/{source_domain}List.txt',
    metainfo=dict(classes=classes),
    pipeline=train_pipeline,
)
target = dict(source, ann_file=f'list/{target_domain}List.txt')

train_dataloader = dict(
    batch_size=72,  # 36 source + 36 target images
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(type='mmuda.DomainDataset', source=source, target=dict(target, labelled=False)),
)

val_dataloader = dict(
    batch_size=50,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(target, pipeline=test_pipeline),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
