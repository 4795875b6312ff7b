# DIDA-Net on DomainNet: as sgd_100e_cosine_x10.py at twice the rate, 40 epochs.
_base_ = './sgd_100e_cosine_x10.py'
optim_wrapper = dict(optimizer=dict(lr=2e-3))
param_scheduler = [dict(type='mmuda.EpochCosineLR', epochs=40, by_epoch=False)]
train_cfg = dict(max_epochs=40, val_interval=5)
auto_scale_lr = dict(base_batch_size=36)
