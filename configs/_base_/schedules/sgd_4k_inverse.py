# For digit networks from random weights: 4,000 iterations of SGD, lr * (1 + 10p)^-0.75 (DANN, JMLR 2016, Sec. 5.2.2).
# p is 1 at train_cfg.max_iters: --cfg-options train_cfg.max_iters=1000 is a shorter run.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-4),
)
param_scheduler = [dict(type='mmuda.InverseDecayLR', alpha=10.0, beta=0.75, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_iters=4000, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=64)
