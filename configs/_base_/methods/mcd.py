# Maximum classifier discrepancy (MCD, Saito et al., CVPR 2018) in the paper's three steps, arguments of MCDUDA.
# The student needs two classifiers: student.head = dict(type='mmuda.TwoClassifierHead', classifier=student.head)
# One process; several take mcd-grl.py.
mcd = dict(num_generator_steps=4, discrepancy_weight=1.0)
