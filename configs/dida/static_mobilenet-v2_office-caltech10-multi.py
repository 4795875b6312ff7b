# Static control of dida_mobilenet-v2_office-caltech10-multi: learned kernels in the place of generated ones.
#     python tools/train.py configs/dida/static_mobilenet-v2_office-caltech10-multi.py
# Expected: see "Office-Caltech-10" in configs/dida/README.md.
# The target: MMUDA_TARGET=dslr (webcam by default).
_base_ = './dida_mobilenet-v2_office-caltech10-multi.py'
_base_.model.student.neck[0].module.type = 'StaticModule'
