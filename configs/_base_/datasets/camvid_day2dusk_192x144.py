# CamVid by day (labelled) -> CamVid at dusk (images only), at 192x144: small enough for a CPU.
# Layout: $MMUDA_DATA/camvid_day_dusk/{day,dusk}/{images,labels}/{train,val}.
num_classes = 11
data_root = '{{$MMUDA_DATA:data}}/camvid_day_dusk'
crop_size = (144, 192)  # height, width: scales and scored images follow
train_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),  # the target's is replaced: its labels are never read
    dict(type='RandomResize', scale=crop_size[::-1], ratio_range=(1.0, 1.5), keep_ratio=True),
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
# Scored at the size of the label files: predictions are scaled up.
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=crop_size[::-1], keep_ratio=True),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.PackSegInputs'),
]

train_dataloader = dict(
    batch_size=4,  # 2 source + 2 target images
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmuda.RareClassSampler', ratio=(1, 1), temperature=0.1, min_pixels=600),
    dataset=dict(
        type='mmuda.DomainDataset',
        rare_class_min_pixels=50,
        source=dict(
            type='mmuda.CamVidDayDusk',
            data_root=data_root,
            data_prefix=dict(img_path='day/images/train', seg_map_path='day/labels/train'),
            pipeline=train_pipeline,
        ),
        target=dict(
            type='mmuda.CamVidDayDusk',
            data_root=data_root,
            data_prefix=dict(img_path='dusk/images/train'),
            pipeline=train_pipeline,
        ),
    ),
)

val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmuda.CamVidDayDusk',
        data_root=data_root,
        data_prefix=dict(img_path='dusk/images/train', seg_map_path='dusk/labels/train'),
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='mmuda.SegmentationMetric', iou_metrics=['mIoU'])
test_dataloader = val_dataloader
test_evaluator = val_evaluator
