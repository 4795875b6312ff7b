# GTA5 -> Cityscapes for encoders with patches of 14 pixels (VFM-UDA). The released code crops 1024x1024 pixels and
# enlarges them to 1120x1120 before the encoder; here images are larger by the same 35/32 and crops have 1120x1120.
# Layout and score are those of gta2cityscapes_512x512.py. The teacher's labels do not count at the margins of an image:
# 3 % of its top and sides, 25 % of its bottom.
_base_ = './gta2cityscapes_512x512.py'

crop_size = (1120, 1120)  # height, width
width = 2 * crop_size[1]
source_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='mmuda.LoadLabel'),
    dict(type='RandomResize', scale=(width * 9 // 7, width * 45 // 64), ratio_range=(0.9, 1.1), keep_ratio=True),
    dict(type='mmuda.RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmseg.PhotoMetricDistortion'),
    dict(type='mmseg.PackSegInputs'),
]
target_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(
        type='mmuda.IgnoreMargins',  # of the file's 2048 x 1024 pixels
        top=31,
        bottom=256,
        left=61,
        right=61,
        transforms=[
            dict(type='RandomResize', scale=(width, width // 2), ratio_range=(0.9, 1.1), keep_ratio=True),
            dict(type='mmseg.RandomCrop', crop_size=crop_size),
            dict(type='RandomFlip', prob=0.5),
            dict(type='mmseg.PackSegInputs'),
        ],
    ),
]
# Whole images, larger by 35/32; predictions are scaled down to the label files' size.
test_pipeline = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(width, width // 2), keep_ratio=True),
    dict(type='mmuda.LoadLabel'),
    dict(type='mmseg.PackSegInputs'),
]

train_dataloader = dict(
    batch_size=16,  # 8 source + 8 target images
    sampler=dict(temperature=0.05),
    dataset=dict(
        rare_class_retries=20,
        rare_class_min_pixels=7177,  # of a crop: 3000 * 1120**2 / (512 * 1024)
        rare_class_ratio=2.3926,
        source=dict(pipeline=source_pipeline),
        target=dict(pipeline=target_pipeline),
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
