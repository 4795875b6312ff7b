# DIDA-Net with branches beside stage 1 of ResNet-18 (res1), PACS.
#     python tools/train.py configs/dida/dida_resnet18_pacs_res1.py
# Expected, from the paper (Table VII, mean of four targets): 88.96 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs_every-stage.py'
model = dict(student=dict(backbone=dict(beside=dict(layer2=None, layer3=None, layer4=None))))
