# As sgd_10k_inverse_x10.py, for as long as TransNorm's released code runs (100,004 iterations there). The rate at a
# step is the same in both. Here the last score counts.
_base_ = './sgd_10k_inverse_x10.py'
param_scheduler = [dict(type='mmuda.InverseDecayLR', alpha=100.0, beta=0.75, by_epoch=False)]
train_cfg = dict(max_iters=100000, val_interval=5000)
