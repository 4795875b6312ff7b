# SYNTHIA -> Cityscapes as in the paper: STCT with hybrid attention.
#     tools/dist_train.sh configs/stct/synthia2cs.py 1
# Expected, from the paper: 59.8 mIoU16. Not run here.
_base_ = './stct-mha_daformer_mit-b5_synthia2cs.py'
