# DIDA-Net on Office-Home: 100 epochs of SGD, 1e-3 for the pretrained backbone and ten times that for what starts from
# random weights (neck and head), a cosine that steps once an epoch. An epoch ends with the smallest source.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys={'neck.': dict(lr_mult=10.0), 'head.': dict(lr_mult=10.0)}),
)
param_scheduler = [dict(type='mmuda.EpochCosineLR', epochs=100, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_epochs=100, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=64)
