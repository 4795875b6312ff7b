# LoveDA, land cover from the air: {rural,urban} (labelled) -> the other (images only), 7 classes; crops of 512x512.
# The pair is one variable: MMUDA_PAIR=urban-rural python tools/train.py ... --work-dir ... (default rural-urban).
# Layout, as published: $MMUDA_DATA/loveda/{Train,Val}/{Rural,Urban}/{images_png,masks_png}/*.png
num_classes = 7
pair = '{{$MMUDA_PAIR:rural-urban}}'
source_area, target_area = [name.capitalize() for name in pair.split('-')]
crop_size = (512, 512)  # height, width
train_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),  # the target's is replaced: its labels are never read
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.PackSegInputs'),
]
images = dict(type='mmuda.LoveDA', data_root='{{$MMUDA_DATA:data}}/loveda')

train_dataloader = dict(
    batch_size=4,  # 2 source + 2 target images
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.DomainSampler', ratio=(1, 1)),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(
            images,
            data_prefix=dict(img_path=f'Train/{source_area}/images_png', seg_map_path=f'Train/{source_area}/masks_png'),
            pipeline=train_pipeline,
        ),
        target=dict(images, data_prefix=dict(img_path=f'Train/{target_area}/images_png'), pipeline=train_pipeline),
    ),
)

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        images,
        data_prefix=dict(img_path=f'Val/{target_area}/images_png', seg_map_path=f'Val/{target_area}/masks_png'),
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='mmuda.SegmentationMetric', iou_metrics=['mIoU'])
test_dataloader = val_dataloader
test_evaluator = val_evaluator
