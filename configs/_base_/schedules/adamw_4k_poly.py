# For small data sets: 4,000 iterations, short warm-up, then a straight line to 0.
# The schedule follows train_cfg.max_iters: --cfg-options train_cfg.max_iters=1000 is a shorter run.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01, fused=True),
    paramwise_cfg=dict(
        custom_keys=dict(head=dict(lr_mult=10.0), norm=dict(decay_mult=0.0), pos_block=dict(decay_mult=0.0))
    ),
)

# 150 steps of warm-up.
param_scheduler = dict(type='mmuda.WarmupPolyLR', by_epoch=False, warmup=0.0375, start_factor=1e-6, power=1.0)

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_iters=4000, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=4)
