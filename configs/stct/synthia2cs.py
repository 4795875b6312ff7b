# SYNTHIA -> Cityscapes as in the paper: STCT with hybrid attention, DAFormer head on MiT-B5, 40,000 iterations.
#     tools/dist_train.sh configs/stct/synthia2cs.py 1
# Expected, from the paper (Table 3): 59.8 mIoU16. Not run here.
_base_ = [
    '../_base_/models/daformer_mit-b5.py',  # the network
    '../_base_/datasets/synthia2cityscapes_512x512.py',
    '../_base_/methods/stct.py',  # what is done with two domains
    '../_base_/methods/feature_distance.py',  # keeps thing classes near their ImageNet features
    '../_base_/schedules/adamw_40k_poly.py',
    '../_base_/segmentation_runtime.py',
]
student = _base_.model
student.decode_head.num_classes = _base_.num_classes
student.backbone.type = 'mmuda.MHAMixVisionTransformer'  # hybrid attention in all stages, both ways, by classes
student.backbone.init_cfg = dict(type='Pretrained', checkpoint=_base_.mit_weights)
stct = _base_.stct
stct.terms.target.weight.horizon = 40000  # what the paper's alpha is for
stct.labeller.update(ignore_top=15, ignore_bottom=120)  # rectification, bonnet of the ego car
methods = [stct, _base_.feature_distance]
model = dict(_delete_=True, type='mmuda.SelfTrainingUDA', task='segmentation', student=student, methods=methods)
