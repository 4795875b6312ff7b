# FixMatch with two domains (DIDA-Net, Deng et al., T-IP 2022, Eqs. 7-9):
#     L = mean_s CE(weak view, y) + loss_weight · mean_t 1[q >= 0.95] · CE(strong view, ŷ)     ŷ, q of the weak view
# On DomainNet the paper weighs every image by q: labeller.weighting='confidence'.
# The paper is silent about the passes: here one over [source | strong views], and labels without dropout or MixStyle.
# include_source: the network learns strong views of the sources, too, by its own labels, as in the released code; their
# pipelines then need two views.
include_source = False
fixmatch = dict(
    labeller=dict(
        type='mmuda.OwnLabels',
        threshold=0.95,
        weighting='threshold',
        include_source=include_source,
        norm='train',
        noise=False,
    ),
    views=dict(
        target=dict(type='mmuda.StrongView', of='target'),  # in the place of the weak view
        **(dict(unlabelled=dict(type='mmuda.StrongView', of='unlabelled')) if include_source else {}),
    ),
    terms=dict(
        target=dict(
            type='mmuda.PseudoLabelLoss',
            view=('unlabelled', 'target') if include_source else 'target',
            loss_weight=1.0,
        )
    ),
)
