# ACDA without label-conditioned and without cross-layer alignment: MobileNetV2, Office-Caltech-10.
#     python tools/train.py configs/acda/acda_mobilenet-v2_office-caltech10_no-label_no-cross.py
# Expected: see "Measured" in configs/acda/README.md.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = './acda_mobilenet-v2_office-caltech10.py'
model = dict(terms=dict(acda=dict(condition='none', delta=0.0, start_step=_base_.hook.pretrain)))
custom_hooks = []
train_dataloader = dict(sampler=dict(_delete_=True, type='mmuda.DomainSampler', ratio=(1, 1)))
