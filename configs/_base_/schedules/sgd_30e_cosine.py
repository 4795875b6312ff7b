# DIDA-Net on Digit-Five, from random weights: 30 epochs of SGD at one rate for all, a cosine that steps once an epoch.
# An epoch ends with the smallest source.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [dict(type='mmuda.EpochCosineLR', epochs=30, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_epochs=30, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=320)
