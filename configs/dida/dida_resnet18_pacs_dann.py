# dida_resnet18_pacs with domain-adversarial training on its features.
#     python tools/train.py configs/dida/dida_resnet18_pacs_dann.py
# Expected, from the paper (Table VIII, mean of four targets): 90.58 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
# Weight and ramp are not stated: here 1, and half of the training.
_base_ = './dida_resnet18_pacs.py'
dann = dict(type='mmuda.DANN', tap='neck', in_channels=512, ramp_steps=0.5, loss_weight=1.0)
model = dict(terms=dict(dann=dann))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'terms.': dict(lr_mult=10.0)}))
