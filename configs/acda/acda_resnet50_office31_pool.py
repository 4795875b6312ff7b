# ACDA with pooling and projections of three layers with a residual: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_pool.py
# Expected, from the paper (Table 6, mean of six pairs): 90.82 % accuracy. Not run here.
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
model = dict(terms=dict(acda=dict(pool='adaptive')))
