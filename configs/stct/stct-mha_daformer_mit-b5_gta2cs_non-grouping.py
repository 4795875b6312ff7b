# Ablation: every token attends to all of both images.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_non-grouping.py 1
# Expected, from the paper (Table 2): 61.91 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(strategy='none')))
