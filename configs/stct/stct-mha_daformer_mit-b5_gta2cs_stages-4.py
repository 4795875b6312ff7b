# Ablation: hybrid attention in stage 4 only.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_stages-4.py 1
# Expected, from the paper (Table 1): 57.51 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(mha_stages=(3,))))
