# GTA5 (labelled) -> Cityscapes train (images only), scored on Cityscapes val; DAFormer's crops.
# Layout: $MMUDA_DATA/gta/{images,labels}, $MMUDA_DATA/cityscapes/{leftImg8bit,gtFine}; the label maps
# with train ids come from tools/dataset_converters/{gta,cityscapes}.py.
num_classes = 19
data_root = '{{$MMUDA_DATA:data}}'
crop_size = (512, 512)  # height, width: scales and scored images follow
width = 2 * crop_size[1]
source_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='Resize', scale=(width * 5 // 4, width * 45 // 64)),
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
target_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(width, width // 2)),
    dict(type='mmseg.RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
# Whole images at half size; predictions are scaled up to the label files' size.
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(width, width // 2), keep_ratio=True),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.PackSegInputs'),
]

train_dataloader = dict(
    batch_size=4,  # 2 source + 2 target images
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='mmuda.RareClassSampler', ratio=(1, 1), temperature=0.01, min_pixels=3000),
    dataset=dict(
        type='mmuda.DomainDataset',
        source=dict(
            type='mmuda.GTADataset',
            data_root=f'{data_root}/gta',
            data_prefix=dict(img_path='images', seg_map_path='labels'),
            pipeline=source_pipeline,
        ),
        target=dict(
            type='mmuda.CityscapesDataset',
            data_root=f'{data_root}/cityscapes',
            data_prefix=dict(img_path='leftImg8bit/train'),
            pipeline=target_pipeline,
        ),
    ),
)

val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmuda.CityscapesDataset',
        data_root=f'{data_root}/cityscapes',
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='mmuda.SegmentationMetric', iou_metrics=['mIoU'])
test_dataloader = val_dataloader
test_evaluator = val_evaluator
