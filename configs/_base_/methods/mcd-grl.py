# MCD (Saito et al., CVPR 2018) in one backward pass by gradient reversal, a term for any model and any number of
# processes, with the ramp of the adversarial methods. The student needs two classifiers, as for mcd.py.
mcd_grl = dict(terms=dict(mcd=dict(type='mmuda.MCD', tap='neck', ramp_steps=0.5, loss_weight=1.0)))
