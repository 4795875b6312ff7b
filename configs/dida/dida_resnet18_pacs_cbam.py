# dida_resnet18_pacs with CBAM in the place of dynamic convolutions.
#     python tools/train.py configs/dida/dida_resnet18_pacs_cbam.py
# Expected, from the paper (Table X, mean of four targets): 86.17 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs.py'
model = dict(student=dict(neck=dict(module=dict(type='AttentionModule', attention=dict(type='CBAM')))))
