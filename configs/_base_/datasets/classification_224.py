# What data sets of photographs have in common: 224x224 crops, 36 source + 36 target images a batch, how they score.
# No data set of its own: those that inherit it give the source and the target, and as many workers as they need.
size = 224  # of an image: all pipelines follow
resized = size * 8 // 7
train_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(resized, resized)),
    dict(type='mmpretrain.RandomResizedCrop', scale=size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(resized, resized)),
    dict(type='mmpretrain.CenterCrop', crop_size=size),
    dict(type='mmpretrain.PackInputs'),
]
# tools/test.py --tta: ten crops an image, softmax scores summed, as in TransNorm's released code.
tta_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(resized, resized)),
    dict(type='mmuda.TenCrop', crop_size=size, transforms=[dict(type='mmpretrain.PackInputs')]),
]

train_dataloader = dict(
    batch_size=72,  # 36 source + 36 target images
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(pipeline=train_pipeline),
        target=dict(pipeline=train_pipeline, labelled=False),
    ),
)

val_dataloader = dict(
    batch_size=50,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(pipeline=test_pipeline),
)
val_evaluator = dict(type='mmuda.ClassificationMetric')
test_dataloader = val_dataloader
test_evaluator = val_evaluator
