# Ablation: only queries of the source see both domains.
#     tools/dist_train.sh configs/stct/stct-mha_daformer_mit-b5_gta2cs_s2t.py 1
# Expected, from the paper (Table 2): 55.91 mIoU. Not run here.
_base_ = './stct-mha_daformer_mit-b5_gta2cs.py'

model = dict(student=dict(backbone=dict(direction='s2t')))
