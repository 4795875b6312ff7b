# Source-target coordinated training (OpenReview oBXFemWGPWN, Sec. 3.1) with a mean teacher:
#     L = L_s + mean_i Coor_i · L_t,i     Coor_i = agreement_i · (1 − e^(−alpha · step))
# The paper leaves open what of the target the student sees; here it is DAFormer's colour jitter and blur.
stct = dict(
    coordination=dict(type='mmuda.CoordinationWeight', alpha=2e-4, reduction='image'),
    pseudo_labeler=dict(type='mmuda.PseudoLabeler', ignore_top=0, ignore_bottom=0),
    student_view=dict(type='mmuda.StudentView', domains='target'),
    # Averaged weights do not belong to the student's running statistics: what that costs stands in
    # configs/stct/README.md.
    teacher_norm='batch',
)
