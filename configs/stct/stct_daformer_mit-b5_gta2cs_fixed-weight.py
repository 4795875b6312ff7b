# Ablation: without the coordination weight: the target counts fully from the first iteration.
#     tools/dist_train.sh configs/stct/stct_daformer_mit-b5_gta2cs_fixed-weight.py 1
# Expected, from the paper (Fig. 4): 54.0 mIoU. Not measured here yet.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(terms=dict(target=dict(weight=dict(fixed=1.0))))
