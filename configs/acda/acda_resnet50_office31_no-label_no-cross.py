# ACDA without label-conditioned and without cross-layer alignment: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_no-label_no-cross.py
# Expected, from the paper (Table 5, mean of six pairs): 87.00 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
model = dict(terms=dict(acda=dict(condition='none', delta=0.0, start_step=_base_.hook.pretrain)))
custom_hooks = []
train_dataloader = dict(sampler=dict(_delete_=True, type='mmuda.DomainSampler', ratio=(1, 1)))
