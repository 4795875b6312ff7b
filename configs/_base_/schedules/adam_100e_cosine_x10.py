# DIDA-Net on PACS: 100 epochs of Adam, 5e-5 for the pretrained backbone and ten times that for what starts from random
# weights (neck and head), a cosine that steps once an epoch. An epoch ends with the smallest source.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='Adam', lr=5e-5, betas=(0.9, 0.99), weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'neck.': dict(lr_mult=10.0), 'head.': dict(lr_mult=10.0)}),
)
param_scheduler = [dict(type='mmuda.EpochCosineLR', epochs=100, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_epochs=100, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=64)
