# Ablation: the target comes in ten times later.
#     tools/dist_train.sh configs/stct/stct_daformer_mit-b5_gta2cs_alpha-2e-5.py 1
# The paper shows the figure in a picture only (Fig. 4). Not measured here yet.
_base_ = './stct_daformer_mit-b5_gta2cs.py'

model = dict(terms=dict(target=dict(weight=dict(alpha=2e-5))))
