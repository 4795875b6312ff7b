# SYNTHIA -> Cityscapes as in the paper, without its hybrid attention.
#     tools/dist_train.sh configs/stct/synthia2cs.py 1
_base_ = './stct_daformer_mit-b5_synthia2cs.py'
