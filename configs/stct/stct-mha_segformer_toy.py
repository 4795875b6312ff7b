# STCT with hybrid attention on the toy set.
#     python tools/train.py configs/stct/stct-mha_segformer_toy.py
# Expected: not measured here yet.
_base_ = './stct_segformer_toy.py'

model = dict(student=dict(backbone=dict(type='mmuda.MHAMixVisionTransformer')))
