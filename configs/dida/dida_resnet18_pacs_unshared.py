# dida_resnet18_pacs whose kernels are made by reductions of their own ("conv1 not shared among three branches").
#     python tools/train.py configs/dida/dida_resnet18_pacs_unshared.py
# Expected, from the paper (Table VI, mean of four targets): 90.30 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs.py'
model = dict(student=dict(neck=dict(module=dict(share_reduction=False))))
