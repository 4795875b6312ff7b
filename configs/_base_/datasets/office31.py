# Office-31: one of {amazon,dslr,webcam} (labelled) -> another (images only), 31 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=dslr-amazon python tools/train.py ... --work-dir ... (default amazon-webcam).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/office31/<domain>/images/<class>/*.jpg
data_root = '{{$MMUDA_DATA:data}}/office31'
pair = '{{$MMUDA_PAIR:amazon-webcam}}'
source_domain, target_domain = pair.split('-')
# fmt: off
classes = [
    'back_pack', 'bike', 'bike_helmet', 'bookcase', 'bottle', 'calculator', 'desk_chair', 'desk_lamp',
    'desktop_computer', 'file_cabinet', 'headphones', 'keyboard', 'laptop_computer', 'letter_tray', 'mobile_phone',
    'monitor', 'mouse', 'mug', 'paper_notebook', 'pen', 'phone', 'printer', 'projector', 'punchers', 'ring_binder',
    'ruler', 'scissors', 'speaker', 'stapler', 'tape_dispenser', 'trash_can',
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
    data_prefix=dict(img_path=f'{source_domain}/images'),
    metainfo=dict(classes=classes),
    pipeline=train_pipeline,
)
target = dict(source, data_prefix=dict(img_path=f'{target_domain}/images'))

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
