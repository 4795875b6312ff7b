# dida_resnet18_pacs with the MMD of its features as a loss.
#     python tools/train.py configs/dida/dida_resnet18_pacs_mmd.py
# Expected, from the paper (Table VIII, mean of four targets): 91.75 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
# Layer, kernels and weight are not stated: those of configs/_base_/methods/dan.py. All sources are one domain.
_base_ = './dida_resnet18_pacs.py'
dan = dict(type='mmuda.DAN', taps=['neck'], num_kernels=5, multiplier=2.0, reduction='sum', loss_weight=1.0)
model = dict(terms=dict(dan=dan))
