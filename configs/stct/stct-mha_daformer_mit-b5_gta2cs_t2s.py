# Ablation: only queries of the target see both domains.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_t2s.py 1
# Expected, from the paper (Table 2): 58.38 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(direction='t2s')))
