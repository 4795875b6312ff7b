# ACDA without attention: every pair of layers weighs 1/m: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_no-attention.py
# Expected, from the paper (Table 5, mean of six pairs): 89.85 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
model = dict(terms=dict(acda=dict(attention=False)))
