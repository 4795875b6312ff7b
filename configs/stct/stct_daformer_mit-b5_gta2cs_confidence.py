# Ablation: DACS' confidence weight in place of the coordination weight.
#     tools/dist_train.sh configs/stct/stct_daformer_mit-b5_gta2cs_confidence.py 1
# Not in the paper. Not measured here yet.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(
    labeller=dict(confidence='share', threshold=0.968),
    terms=dict(target=dict(weight=dict(fixed=1.0))),
)
