# DIDA-Net on the network of cnn3_digits.py: one DIDA module beside the third convolution, torch's own first weights.
_base_ = './cnn3_digits.py'
module = 'mmuda.DIDAModule'  # mmuda.StaticModule: the static control, learned kernels instead of generated ones
model = dict(
    backbone=dict(
        _delete_=True,
        type='mmuda.ExtendedBackbone',
        backbone=_base_.model.backbone,
        beside={
            'stages.2': dict(
                type='mmuda.DIDABranch',
                in_channels=64,
                out_channels=128,
                module=dict(type=module, reduction=16, init='torch'),
            )
        },
    )
)
