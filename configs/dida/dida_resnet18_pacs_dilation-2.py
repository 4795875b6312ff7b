# dida_resnet18_pacs with kernels of dilation 2 alone.
#     python tools/train.py configs/dida/dida_resnet18_pacs_dilation-2.py
# Expected, from the paper (Table V, mean of four targets): 90.08 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs.py'
model = dict(student=dict(neck=dict(module=dict(dilations=(2,)))))
