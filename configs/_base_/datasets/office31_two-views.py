# office31.py with crops of half an image and more, and strong views of the target for those who learn them:
#     --cfg-options two_views=True
_base_ = './office31.py'
two_views = False
crop_share = 0.5  # of an image, at least
flip, pack = dict(type='RandomFlip', prob=0.5), dict(type='mmpretrain.PackInputs')
load = [
    dict(type='mmuda.LoadImage'),
    dict(type='Resize', scale=(_base_.resized, _base_.resized)),
    dict(type='mmpretrain.RandomResizedCrop', scale=_base_.size, crop_ratio_range=(crop_share, 1.0)),
]
strong = [flip, dict(type='mmuda.RandAugmentFixMatch', num_ops=2), dict(type='mmuda.Cutout', length=_base_.size // 14)]
views = dict(type='mmuda.TwoViews', weak=[flip, pack], strong=strong)
train_dataloader = dict(
    batch_size=60,  # 30 source + 30 target images
    dataset=dict(
        source=dict(pipeline=[*load, flip, pack]),
        target=dict(pipeline=[*load, views] if two_views else [*load, flip, pack]),
    ),
)
