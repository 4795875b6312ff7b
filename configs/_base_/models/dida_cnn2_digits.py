# DIDA-Net on the network of cnn2_digits.py: one DIDA module beside the second convolution and its pooling. The paper
# says where, not how the sizes meet, and no code was released: stride 3 makes 4x4 of 12x12 as the stage does.
_base_ = './cnn2_digits.py'
module = 'mmuda.DIDAModule'  # mmuda.StaticModule: the static control, learned kernels instead of generated ones
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmuda.ExtendedBackbone',
        backbone=_base_.model.backbone,
        beside={
            'stages.1': dict(
                type='mmuda.DIDABranch',
                in_channels=32,
                out_channels=48,
                stride=3,
                module=dict(type=module, reduction=16, init='torch'),
            )
        },
    )
)
