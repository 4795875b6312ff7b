# Ablation: one weight for all target images of a step.
#     tools/dist_train.sh configs/stct/stct_daformer_mit-b5_gta2cs_per-batch.py 1
# Not in the paper. Not measured here yet.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(terms=dict(target=dict(weight=dict(reduction='batch'))))
