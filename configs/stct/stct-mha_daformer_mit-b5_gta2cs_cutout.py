# Ablation: the groups are the inside and the outside of a random rectangle.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_cutout.py 1
# Expected, from the paper (Table 2): 65.07 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(strategy='cutout')))
