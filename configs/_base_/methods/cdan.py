# Conditional adversarial adaptation (CDAN, Long et al., NeurIPS 2018), with the ramps of TransNorm's released code,
# 5,000 and 10,000 steps of 100,000, as shares of the training. CDAN+E, where sure predictions lead: entropy=True
# The paper projects to random_dim=1024 where in_channels * num_classes exceeds 4096; the released code does not.
cdan = dict(
    terms=dict(
        cdan=dict(
            type='mmuda.CDAN', tap='neck', in_channels=256, ramp_steps=0.05, entropy_ramp_steps=0.1, loss_weight=1.0
        )
    )
)
