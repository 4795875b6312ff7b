# DACS (Tranheden et al., WACV 2021): half of the classes of a source image pasted onto a target image that the teacher
# has labelled; the student learns the mixed image with colours jittered and blurred:
#     L = L_s + mean over all pixels of w · CE(f(augmented mix), mixed label)
# w is 1 on source pixels, and on target pixels the share of the batch's pixels with max q >= 0.968.
# The student's share of the teacher's update is 0.01, and the teacher's statistics of norms are its own:
#     custom_hooks = [dict(type='mmuda.MeanTeacherHook', momentum=0.01, copy_buffers=False)]
dacs = dict(
    labeller=dict(type='mmuda.TeacherLabels', confidence='share_of_all', threshold=0.968),
    views=dict(
        pasted=dict(type='mmuda.ClassMix', classes_from='image'),
        mixed=dict(type='mmuda.StudentView', of='pasted', jitter_strength=0.25),
    ),
    terms=dict(mixed=dict(type='mmuda.PseudoLabelLoss', view='mixed', reduction='all')),
    passes='separate',  # source and mixed images have a pass each, as in the released code
    teacher_norm='batch',
)
