# ACDA of the last two stages: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_m-2.py
# Expected, from the paper (Table 7, mean of six pairs): 89.87 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
taps = ('backbone.layer3', 'backbone.layer4')
model = dict(terms=dict(acda=dict(taps=taps, in_channels=(1024, 2048))))
