# DINOv2's vision transformer (Oquab et al., TMLR 2024) with the head of VFM-UDA (2024).
#
# Another size: --cfg-options dinov2=l, of s, b and l. Its weights are Meta's (Apache-2.0), as mmpretrain publishes
# them; mmengine downloads them once. A file of one's own, in mmpretrain's names: --cfg-options dinov2_weights=FILE
# Needs mmpretrain: pip install "mmuda[cls]"
dinov2 = 'b'
dinov2_arch = dict(s='dinov2-small', b='base', l='large')
dinov2_channels = dict(s=384, b=768, l=1024)
dinov2_files = dict(
    s='vit-small-p14_dinov2-pre_3rdparty_20230426-5641ca5a.pth',
    b='vit-base-p14_dinov2-pre_3rdparty_20230426-ba246503.pth',
    l='vit-large-p14_dinov2-pre_3rdparty_20230426-f3302d9e.pth',
)
dinov2_weights = f'https://download.openmmlab.com/mmpretrain/v1.0/dinov2/{dinov2_files[dinov2]}'
model = dict(
    _scope_='mmseg',
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=14,  # whole patches
        test_cfg=dict(size_divisor=14),
    ),
    pretrained=None,
    backbone=dict(
        type='mmuda.VisionTransformer',
        arch=dinov2_arch[dinov2],
        img_size=518,
        patch_size=14,
        layer_scale_init_value=1e-5,
        mask_token=True,
    ),
    decode_head=dict(
        type='mmuda.LightweightHead',
        in_channels=dinov2_channels[dinov2],
        num_classes=19,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
