# DIDA-Net with branches beside stages 2 and 4 of ResNet-18 (res24), PACS.
#     python tools/train.py configs/dida/dida_resnet18_pacs_res24.py
# Expected, from the paper (Table VII, mean of four targets): 88.47 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs_every-stage.py'
model = dict(student=dict(backbone=dict(beside=dict(layer1=None, layer3=None))))
