# ACDA without label-conditioned alignment: LeNet, MNIST -> USPS.
#     python tools/train.py configs/acda/acda_lenet_mnist2usps_no-label.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = './acda_lenet_mnist2usps.py'
model = dict(terms=dict(acda=dict(condition='none', start_step=_base_.hook.pretrain)))
custom_hooks = []
train_dataloader = dict(sampler=dict(_delete_=True, type='mmuda.DomainSampler', ratio=(1, 1)))
