# ACDA whose maps are reduced to 32 channels by a 1x1 convolution and pooled, without 3x3 layers: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_layers-0_pool.py
# Expected, from the paper (Table 6, mean of six pairs): 89.78 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
model = dict(terms=dict(acda=dict(num_layers=0, residual=False, pool='adaptive')))
