# For the toy set, from random weights: a thousand iterations at a high rate.
# The schedule follows train_cfg.max_iters: --cfg-options train_cfg.max_iters=3000 is a longer run.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=3e-3, betas=(0.9, 0.999), weight_decay=0.01, fused=True),
    paramwise_cfg=dict(custom_keys=dict(norm=dict(decay_mult=0.0))),
)

# 30 steps of warm-up.
param_scheduler = dict(type='mmuda.WarmupPolyLR', by_epoch=False, warmup=0.03, start_factor=1e-3, power=1.0)

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_iters=1000, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=8)
