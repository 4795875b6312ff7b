# The static control of dida_wrn-28-2_cifar10.py: learned depth-wise kernels instead of generated ones.
_base_ = './dida_wrn-28-2_cifar10.py'
model = dict(neck=dict(module=dict(type='StaticModule')))
