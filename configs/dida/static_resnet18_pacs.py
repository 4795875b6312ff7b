# Static control of dida_resnet18_pacs: learned depth-wise kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_resnet18_pacs.py
# Expected, from the paper (Tables IV and V, mean of four targets): 90.39 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs.py'
model = dict(student=dict(neck=dict(module=dict(type='StaticModule'))))
