# Cityscapes (labelled) -> ACDC train (images only), scored on ACDC val; crops of 512x512 at half size.
# The conditions are one variable: MMUDA_CONDITIONS=night python tools/train.py ... (default fog-night-rain-snow).
# Layout: $MMUDA_DATA/cityscapes/{leftImg8bit,gtFine} with train ids from tools/dataset_converters/cityscapes.py, and
# $MMUDA_DATA/acdc/{rgb_anon,gt}/<condition>/<split>/<drive>/*, as published.
num_classes = 19
data_root = '{{$MMUDA_DATA:data}}'
chosen = '{{$MMUDA_CONDITIONS:fog-night-rain-snow}}'
conditions = chosen.split('-')
crop_size = (512, 512)  # height, width: scales and scored images follow
width = 2 * crop_size[1]
source_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='Resize', scale=(width, width // 2)),
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
target_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(width * 15 // 16, width * 135 // 256)),
    dict(type='mmseg.RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
# Whole images at half size; predictions are scaled up to the label files' size.
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(width * 15 // 16, width * 135 // 256), keep_ratio=True),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.PackSegInputs'),
]
acdc = dict(type='mmuda.ACDC', data_root=f'{data_root}/acdc')

train_dataloader = dict(
    batch_size=4,  # 2 source + 2 target images
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.RareClassSampler', ratio=(1, 1), temperature=0.01, min_pixels=3000),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(
            type='mmuda.CityscapesDataset',
            data_root=f'{data_root}/cityscapes',
            data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
            pipeline=source_pipeline,
        ),
        target=dict(
            type='ConcatDataset',
            datasets=[
                dict(acdc, data_prefix=dict(img_path=f'rgb_anon/{name}/train'), pipeline=target_pipeline)
                for name in conditions
            ],
        ),
    ),
)

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ConcatDataset',
        datasets=[
            dict(
                acdc,
                data_prefix=dict(img_path=f'rgb_anon/{name}/val', seg_map_path=f'gt/{name}/val'),
                pipeline=test_pipeline,
            )
            for name in conditions
        ],
    ),
)
val_evaluator = dict(type='mmuda.SegmentationMetric', iou_metrics=['mIoU'])
test_dataloader = val_dataloader
test_evaluator = val_evaluator
