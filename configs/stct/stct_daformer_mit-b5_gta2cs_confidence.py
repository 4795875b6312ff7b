# Ablation: DACS' confidence weight in place of the coordination weight.
#     tools/dist_train.sh configs/stct/stct_daformer_mit-b5_gta2cs_confidence.py 1
# Not in the paper. Not measured here yet.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(
    coordination=dict(fixed=1.0),
    pseudo_labeler=dict(confidence_threshold=0.968, confidence_reduction='batch'),
)
