# Painted street scenes by day (labelled) -> at dusk (images only), 160x96, scored on other dusk scenes.
# tools/dataset_converters/toy_streets.py writes them to $MMUDA_DATA/toy_streets.
num_classes = 8
data_root = '{{$MMUDA_DATA:data}}/toy_streets'
crop_size = (96, 160)  # height, width
train_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),  # the target's is replaced: its labels are never read
    dict(type='RandomResize', scale=crop_size[::-1], ratio_range=(1.0, 1.3), keep_ratio=True),
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
test_pipeline = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel'), dict(type='mmseg.PackSegInputs')]

train_dataloader = dict(
    batch_size=8,  # 4 source + 4 target images
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.RareClassSampler', ratio=(1, 1), temperature=0.05, min_pixels=60),
    dataset=dict(
        type='mmuda.DomainDataset',
        rare_class_min_pixels=30,
        source=dict(
            type='mmuda.ToyStreets',
            data_root=data_root,
            data_prefix=dict(img_path='day/images/train', seg_map_path='day/labels/train'),
            pipeline=train_pipeline,
        ),
        target=dict(
            type='mmuda.ToyStreets',
            data_root=data_root,
            data_prefix=dict(img_path='dusk/images/train'),
            pipeline=train_pipeline,
        ),
    ),
)

val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmuda.ToyStreets',
        data_root=data_root,
        data_prefix=dict(img_path='dusk/images/val', seg_map_path='dusk/labels/val'),
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='mmuda.SegmentationMetric', iou_metrics=['mIoU'])
test_dataloader = val_dataloader
test_evaluator = val_evaluator
