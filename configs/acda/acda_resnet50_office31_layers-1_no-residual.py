# ACDA with projections of one 3x3 layer, stride 2 at most; layer2's map is averaged from 14x14: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_layers-1_no-residual.py
# Expected, from the paper (Table 6, mean of six pairs): 90.12 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
model = dict(terms=dict(acda=dict(num_layers=1, residual=False)))
