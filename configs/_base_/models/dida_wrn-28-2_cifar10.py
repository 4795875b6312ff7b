# DIDA-Net with WRN-28-2 (Table XIII): a branch of four DIDA modules, as many as blocks, beside the last group.
# The paper does not describe this network. The branch gets the second group's sum, and its result is added to the
# activated output.
_base_ = './wrn-28-2_cifar10.py'
module = 'mmuda.DIDAModule'  # mmuda.StaticModule: the static control, learned kernels instead of generated ones
model = dict(
    backbone=dict(out_indices=(1, 2)),
    neck=dict(
        _delete_=True,
        type='mmuda.DIDANeck',
        in_channels=64,
        out_channels=128,
        num_blocks=4,
        stride=2,
        module=dict(type=module, reduction=16),
        norm_cfg=dict(type='BN', eps=0.001, momentum=0.001),
    ),
)
