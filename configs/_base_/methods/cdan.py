# Conditional adversarial adaptation (CDAN, Long et al., NeurIPS 2018), with the ramp of TransNorm's released code.
# The paper projects to random_dim=1024 where in_channels * num_classes exceeds 4096; the released code does not.
cdan = dict(
    terms=dict(
        cdan=dict(type='mmuda.CDAN', tap='neck', in_channels=256, num_classes=31, ramp_steps=5000, loss_weight=1.0)
    )
)
