# DAFormer (Hoyer et al., CVPR 2022): half of the classes of the source batch pasted onto target images that a mean
# teacher has labelled; the student learns them with colours jittered and blurred:
#     L = L_s + mean over all pixels of w · CE(f(augmented mix), mixed label) + L_FD
# w is 1 on source pixels, and on target pixels the share of the batch's pixels with max q >= 0.968.
# L_FD is feature_distance.py, for an encoder that starts from ImageNet weights. The teacher moves by
#     custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.001, keep_initial=True, copy_buffers=False)]
daformer = dict(
    labeller=dict(type='mmuda.TeacherLabels', confidence='share_of_all', threshold=0.968),
    views=dict(
        pasted=dict(type='mmuda.ClassMix', classes_from='batch'),
        mixed=dict(type='mmuda.StudentView', of='pasted', style='released'),
    ),
    terms=dict(mixed=dict(type='mmuda.PseudoLabelLoss', view='mixed', reduction='all')),
    passes='separate',  # source and mixed images have a pass each, as in the released code
    teacher_norm='batch',
)
