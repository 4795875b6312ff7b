# TransNorm with the Wasserstein distance: CDAN+E, ResNet-50, Office-31, 100,000 iterations of 36 + 36 images.
#     python tools/train.py configs/transnorm/cdan-e_resnet50_office31_distance-wasserstein.py
# Expected, from the paper (Table 6, mean of six pairs): 88.4 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default).
_base_ = './cdan-e_resnet50_office31.py'
norm_cfg = dict(distance='wasserstein')
model = dict(student=dict(backbone=dict(norm_cfg=norm_cfg), neck=dict(norm_cfg=norm_cfg)))
