# CamVid by day (labelled) -> IDD-Lite train (images only), scored on its val images; IDD-Lite's 7 classes, 320x224.
# CamVid's 11 classes are mapped to IDD-Lite's, approximately: what stands beside the road is one class there, and
# buildings and trees are "far objects".
# Layout: $MMUDA_DATA/camvid_day_dusk/day/{images,labels}/train, and, as published,
# $MMUDA_DATA/idd_lite/{leftImg8bit,gtFine}/{train,val}/<drive>/*
data_root = '{{$MMUDA_DATA:data}}'
crop_size = (224, 320)  # height, width: scales and scored images follow
classes = ['drivable', 'non-drivable', 'living things', 'vehicles', 'road-side objects', 'far objects', 'sky']
num_classes = len(classes)
class_map = dict(
    classes=classes,
    map={
        '0': 'sky',
        '1': 'far objects',  # building
        '2': 'road-side objects',  # pole
        '3': 'drivable',  # road
        '4': 'non-drivable',  # pavement
        '5': 'far objects',  # tree
        '6': 'road-side objects',  # sign
        '7': 'road-side objects',  # fence
        '8': 'vehicles',  # car
        '9': 'living things',  # pedestrian
        '10': 'living things',  # bicyclist
        '255': 'ignore',
    },
)
train_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),  # the target's is replaced: its labels are never read
    dict(type='RandomResize', scale=(crop_size[1], crop_size[1] * 3 // 4), ratio_range=(1.0, 1.5), keep_ratio=True),
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
# Scored at the size of the label files: predictions are scaled up.
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(crop_size[1], crop_size[1] * 3 // 4), keep_ratio=True),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.PackSegInputs'),
]

train_dataloader = dict(
    batch_size=8,  # 4 source + 4 target images
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='mmuda.RareClassSampler', ratio=(1, 1), temperature=0.1, min_pixels=1000),
    dataset=dict(
        type='mmuda.DomainDataset',
        rare_class_min_pixels=200,
        source=dict(
            type='mmuda.FolderSegmentation',
            data_root=f'{data_root}/camvid_day_dusk',
            data_prefix=dict(img_path='day/images/train', seg_map_path='day/labels/train'),
            class_map=class_map,
            pipeline=train_pipeline,
        ),
        target=dict(
            type='mmuda.IDDLite',
            data_root=f'{data_root}/idd_lite',
            data_prefix=dict(img_path='leftImg8bit/train'),
            pipeline=train_pipeline,
        ),
    ),
)

val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmuda.IDDLite',
        data_root=f'{data_root}/idd_lite',
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='mmuda.SegmentationMetric', iou_metrics=['mIoU'])
test_dataloader = val_dataloader
test_evaluator = val_evaluator
