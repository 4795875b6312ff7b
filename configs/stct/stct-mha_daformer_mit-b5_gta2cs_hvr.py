# Ablation: the groups are the sides of one cut at a random place.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_hvr.py 1
# Expected, from the paper (Table 2): 64.93 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(strategy='hvr')))
