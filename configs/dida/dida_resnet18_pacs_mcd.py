# dida_resnet18_pacs with two classifiers whose discrepancy on the target the network lowers.
#     python tools/train.py configs/dida/dida_resnet18_pacs_mcd.py
# Expected, from the paper (Table VIII, mean of four targets): 91.22 % accuracy. Not run here.
# The target: MMUDA_TARGET=photo (sketch by default).
# How MCD joins FixMatch is not stated. Here: one backward pass by gradient reversal, with the ramp of
# configs/_base_/methods/mcd-grl.py; both classifiers learn the sources, their mean labels weak and learns strong views.
_base_ = './dida_resnet18_pacs.py'
student = _base_.model.student
mcd = dict(type='mmuda.MCD', tap='neck', ramp_steps=0.5, loss_weight=1.0)
head = dict(_delete_=True, type='mmuda.TwoClassifierHead', classifier=student.head)
model = dict(student=dict(head=head), terms=dict(mcd=mcd))
