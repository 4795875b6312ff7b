# Ablation: hybrid attention in stage 1 only.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_stages-1.py 1
# Expected, from the paper (Table 1): 57.21 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(mha_stages=(0,))))
