# For digit networks from random weights: 4,000 iterations of Adam (DIDA-Net's rate for single sources, whose paper says
# neither how long nor whether it decays), a cosine in 50 stairs.
# The last stair ends at train_cfg.max_iters: --cfg-options train_cfg.max_iters=1000 is a shorter run.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=2e-4, betas=(0.9, 0.99), weight_decay=5e-4),
)
param_scheduler = [dict(type='mmuda.EpochCosineLR', epochs=50, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_iters=4000, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=256)
