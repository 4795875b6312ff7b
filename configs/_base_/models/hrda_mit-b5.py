# HRDA (Hoyer et al., ECCV 2022) with MiT-B5: DAFormer's head predicts from the whole image at half its size, the
# context, and from a part of it at full size, the detail; an attention of scales, the same head with one convolution
# as its fusion, joins the two. For training images of 1024 x 1024. Another size (mit=b0), ImageNet weights: see
# daformer_mit-b5.py.
_base_ = './daformer_mit-b5.py'

model = dict(
    type='mmuda.MultiResolutionSegmentor',
    context_scale=0.5,
    detail_crop=(512, 512),
    detail_stride=(256, 256),
    decode_head=dict(
        _delete_=True,
        type='mmuda.HRDAHead',
        head=_base_.model.decode_head,
        attention=dict(_base_.model.decode_head, dilations=(1,), bottleneck=False),
        detail_loss_weight=0.1,
        num_classes=19,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    test_cfg=dict(mode='slide', crop_size=(1024, 1024), stride=(512, 512)),
)
