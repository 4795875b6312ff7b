# For pretrained backbones, as TransNorm's released code: SGD, lr * (1 + 0.001 * step)^-0.75, ten times the rate for
# what starts from random weights: bottleneck (neck), classifier (head) and discriminator (terms).
# The released code runs 100,004 iterations and reports the best of all tests on the target, which uses its labels.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, nesterov=True, weight_decay=1e-3),
    paramwise_cfg=dict(
        custom_keys={'neck.': dict(lr_mult=10.0), 'head.': dict(lr_mult=10.0), 'terms.': dict(lr_mult=10.0)}
    ),
)
param_scheduler = [dict(type='mmuda.InverseDecayLR', alpha=10.0, beta=0.75, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_iters=10000, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=72)
