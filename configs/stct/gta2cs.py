# GTA5 -> Cityscapes as in the paper, without its hybrid attention.
#     tools/dist_train.sh configs/stct/gta2cs.py 1
_base_ = './stct_daformer_mit-b5_gta2cs.py'
