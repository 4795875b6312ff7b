# ACDA without label-conditioned alignment: LeNet, USPS -> MNIST.
#     python tools/train.py configs/acda/acda_lenet_usps2mnist_no-label.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = './acda_lenet_usps2mnist.py'
model = dict(terms=dict(acda=dict(condition='none', start_step=_base_.hook.pretrain)))
custom_hooks = []
train_dataloader = dict(sampler=dict(_delete_=True, type='mmuda.DomainSampler', ratio=(1, 1)))
