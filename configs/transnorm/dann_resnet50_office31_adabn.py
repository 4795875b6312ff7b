# DANN with AdaBN: ResNet-50, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/dann_resnet50_office31_adabn.py
# Expected, from the paper (Table 5, amazon -> webcam): 82.4 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = './dann_resnet50_office31.py'
norms = dict(type='mmuda.AdaBN2d'), dict(type='mmuda.AdaBN1d')
model = dict(student=dict(backbone=dict(norm_cfg=norms[0]), neck=dict(norm_cfg=norms[1])))
custom_hooks = [dict(type='mmuda.AdaBNHook', interval=1000)]  # statistics from a pass over target images
