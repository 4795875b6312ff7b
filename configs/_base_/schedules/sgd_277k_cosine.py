# Semi-supervised CIFAR-10 as in Dassl: 2,500 passes over the 50,000 unlabelled images, 448 a step, are 277,500 steps of
# SGD, with a cosine that steps once a pass.
optim_wrapper = dict(
    type='OptimWrapper',
    constructor='mmuda.UDAOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [dict(type='mmuda.EpochCosineLR', epochs=2500, by_epoch=False)]

train_cfg = dict(type='mmuda.ResumableTrainLoop', max_iters=277500, val_interval=11100)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=512)
