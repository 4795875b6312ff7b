# HRDA (Hoyer et al., ECCV 2022) with DeepLabV2 of output stride 8, in the form of the papers of 2022 to 2024, which sum
# two of its four dilated classifiers; a second such head is the attention of scales. ImageNet weights: see
# deeplabv2_r101.py.
_base_ = './deeplabv2_r101.py'

model = dict(
    type='mmuda.MultiResolutionSegmentor',
    context_scale=0.5,
    detail_crop=(512, 512),
    detail_stride=(256, 256),
    divisible=16,  # a pixel of the context's map stands for 16 pixels
    decode_head=dict(
        _delete_=True,
        type='mmuda.HRDAHead',
        head=dict(_base_.model.decode_head, dilations=(6, 12)),
        attention=dict(_base_.model.decode_head, dilations=(6, 12)),
        detail_loss_weight=0.1,
        num_classes=19,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
)
