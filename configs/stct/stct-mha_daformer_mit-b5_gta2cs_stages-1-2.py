# Ablation: hybrid attention in stages 1 and 2.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_stages-1-2.py 1
# Expected, from the paper (Table 1): 60.71 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(mha_stages=(0, 1))))
