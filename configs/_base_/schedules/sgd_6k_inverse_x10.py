# ACDA's optimizer (Sec. 4.3 and the released code): SGD without Nesterov momentum, lr * (1 + 0.001 * step)^-0.75, ten
# times the rate for the fully-connected layers, bottleneck (neck) and classifier (head); projections (terms) learn at
# the backbone's rate. How long it trained is not stated: the released code stops after 50 rounds of clustering at the
# latest, which is 5,000 iterations on Office-31, here after 1,000 of source only.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'neck.': dict(lr_mult=10.0), 'head.': dict(lr_mult=10.0)}),
)
param_scheduler = [dict(type='mmuda.InverseDecayLR', alpha=6.0, beta=0.75, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_iters=6000, val_interval=500)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=60)
