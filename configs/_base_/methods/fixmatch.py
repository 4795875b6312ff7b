# FixMatch with two domains (DIDA-Net, Deng et al., T-IP 2022, Eqs. 7-9):
#     L = mean_s CE(weak view, y) + weight_u · mean_t 1[q >= 0.95] · CE(strong view, ŷ)     ŷ, q of the weak view
# On DomainNet the paper weighs every image by q: labeler.weighting='confidence'.
# The paper is silent about the passes: here one over [source | strong views], and labels without dropout or MixStyle.
fixmatch = dict(
    labeler=dict(type='mmuda.FixMatchLabeler', threshold=0.95, weighting='threshold'),
    weight_u=1.0,
    include_source=False,
    joint=True,
    pseudo_norm='train',
    pseudo_noise=False,
)
