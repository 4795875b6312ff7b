# GTA5 -> Cityscapes at twice the size, for HRDA: crops of 1024x1024, from Cityscapes' images at full size. Layout and
# score are those of gta2cityscapes_512x512.py. The teacher's labels do not count at the margins of an image:
# artefacts of the rectification, the bonnet of the ego car.
_base_ = './gta2cityscapes_512x512.py'

crop_size = (1024, 1024)  # height, width: scales and margins follow
width = 2 * crop_size[1]
margin = crop_size[0] * 15 // 512
source_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.Resize', scale=(width * 5 // 4, width * 45 // 64)),
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='mmseg.RandomFlip', prob=0.5),
    dict(type='mmseg.PackSegInputs'),
]
target_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmseg.Resize', scale=(width, width // 2)),
    dict(
        type='mmuda.IgnoreMargins',
        top=margin,
        bottom=8 * margin,
        left=margin,
        right=margin,
        transforms=[
            dict(type='mmseg.RandomCrop', crop_size=crop_size),
            dict(type='mmseg.RandomFlip', prob=0.5),
            dict(type='mmseg.PackSegInputs'),
        ],
    ),
]
test_pipeline = [dict(type='mmuda.LoadImage'), dict(type='mmuda.LoadLabel'), dict(type='mmseg.PackSegInputs')]

train_dataloader = dict(
    dataset=dict(
        rare_class_min_pixels=6000,  # of a crop; an image has to show more than 3000 pixels of a class
        rare_class_ratio=2.0,
        source=dict(pipeline=source_pipeline),
        target=dict(pipeline=target_pipeline),
    )
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
