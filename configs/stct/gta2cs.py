# GTA5 -> Cityscapes as in the paper: STCT with hybrid attention.
#     tools/dist_train.sh configs/stct/gta2cs.py 1
# Expected, from the paper: 68.05 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'
