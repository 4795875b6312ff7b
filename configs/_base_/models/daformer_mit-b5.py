# DAFormer's architecture with MiT-B5 (Hoyer et al., CVPR 2022): MiT encoder, context-aware fusion.
#
# Another size: --cfg-options mit=b3, of b0 to b5. ImageNet weights: a leaf sets
#     model.backbone.init_cfg = dict(type='Pretrained', checkpoint=_base_.mit_weights)
# which mmengine downloads once (their licence: mit.py). A file of one's own: --cfg-options mit_weights=FILE
# Batch norm is per process; a leaf for several GPUs synchronises it by one line: sync_bn = 'torch'
_base_ = './mit.py'
mit = 'b5'
embed_dims = _base_.mit_embed_dims[mit]
mit_weights = f'{_base_.mit_url}/{_base_.mit_files[mit]}'
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
        size_divisor=1,
    ),
    pretrained=None,
    backbone=dict(
        type='mmuda.MixVisionTransformer',
        in_channels=3,
        embed_dims=embed_dims,
        num_stages=4,
        num_layers=_base_.mit_num_layers[mit],
        num_heads=[1, 2, 5, 8],
        patch_sizes=[7, 3, 3, 3],
        sr_ratios=[8, 4, 2, 1],
        out_indices=(0, 1, 2, 3),
        mlp_ratio=4,
        qkv_bias=True,
        drop_path_rate=0.1,
    ),
    decode_head=dict(
        type='mmuda.DAFormerHead',
        in_channels=[embed_dims * heads for heads in (1, 2, 5, 8)],
        in_index=[0, 1, 2, 3],
        channels=256,
        embed_dims=256,
        dilations=(1, 6, 12, 18),
        dropout_ratio=0.1,
        num_classes=19,
        norm_cfg=dict(type='BN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
