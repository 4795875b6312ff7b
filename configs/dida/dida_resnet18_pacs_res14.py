# DIDA-Net with branches beside stages 1 and 4 of ResNet-18 (res14), PACS.
#     python tools/train.py configs/dida/dida_resnet18_pacs_res14.py
# Expected, from the paper (Table VII, mean of four targets): 90.19 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs_every-stage.py'
model = dict(student=dict(backbone=dict(beside=dict(layer2=None, layer3=None))))
