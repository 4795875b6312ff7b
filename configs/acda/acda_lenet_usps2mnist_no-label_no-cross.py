# ACDA without label-conditioned and without cross-layer alignment: LeNet, USPS -> MNIST.
#     python tools/train.py configs/acda/acda_lenet_usps2mnist_no-label_no-cross.py
# Expected: see "Measured" in configs/acda/README.md.
_base_ = './acda_lenet_usps2mnist.py'
model = dict(terms=dict(acda=dict(condition='none', delta=0.0, start_step=_base_.hook.pretrain)))
custom_hooks = []
train_dataloader = dict(sampler=dict(_delete_=True, type='mmuda.DomainSampler', ratio=(1, 1)))
