# DIDA-Net with branches beside stage 3 of ResNet-18 (res3), PACS.
#     python tools/train.py configs/dida/dida_resnet18_pacs_res3.py
# Expected, from the paper (Table VII, mean of four targets): 90.14 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
_base_ = './dida_resnet18_pacs_every-stage.py'
model = dict(student=dict(backbone=dict(beside=dict(layer1=None, layer2=None, layer4=None))))
