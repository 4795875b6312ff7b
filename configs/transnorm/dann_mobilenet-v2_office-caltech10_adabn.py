# DANN with AdaBN: MobileNetV2, Office-Caltech-10, 10,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_mobilenet-v2_office-caltech10_adabn.py
# Expected of a shorter run: see configs/transnorm/README.md
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
# ImageNet weights: see the twin with batch norm.
_base_ = './dann_mobilenet-v2_office-caltech10.py'
norms = dict(type='mmuda.AdaBN2d'), dict(type='mmuda.AdaBN1d')
model = dict(student=dict(backbone=dict(norm_cfg=norms[0]), neck=dict(norm_cfg=norms[1])))
custom_hooks = [dict(type='mmuda.AdaBNHook', interval=1000)]  # statistics from a pass over target images
