# ACDA with delta (Eq. 7) and lambda (Eq. 8) from the environment, for Fig. 4: ResNet-50, Office-31.
#     python tools/train.py configs/acda/acda_resnet50_office31_delta-lambda.py
# Expected: the paper's figure has no numbers in its text. Not run here.
# A point of the curves, the other value staying at its default, 0.7 or 0.3:
#     MMUDA_DELTA=0.5 python tools/train.py ... --work-dir work_dirs/delta-0.5        of 0.1, 0.3, 0.5, 0.7, 0.9
#     MMUDA_LAMBDA=0.1 python tools/train.py ... --work-dir work_dirs/lambda-0.1      of 0.1, 0.3, 0.5, 0.7, 0.9
# The pair of domains: MMUDA_PAIR=dslr-amazon (amazon-webcam by default); it also sets the distance.
_base_ = './acda_resnet50_office31.py'
acda = dict(delta=float('{{$MMUDA_DELTA:0.7}}'), loss_weight=float('{{$MMUDA_LAMBDA:0.3}}'))
model = dict(terms=dict(acda=acda))
