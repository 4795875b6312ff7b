# The static control of DIDA-Net with ResNet-101.
_base_ = './dida_resnet101.py'
model = dict(neck=dict(module=dict(type='StaticModule')))
