# Office-Caltech-10: one of {amazon,caltech10,dslr,webcam} (labelled) -> another (images only), 10 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=dslr-amazon python tools/train.py ... --work-dir ... (default amazon-webcam).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout: $MMUDA_DATA/office_caltech10/<domain>/<class>/*.jpg
_base_ = './classification_224.py'
num_classes = 10
data_root = '{{$MMUDA_DATA:data}}/office_caltech10'
pair = '{{$MMUDA_PAIR:amazon-webcam}}'
source_domain, target_domain = pair.split('-')
images = dict(type='mmuda.OfficeCaltech10', data_root=data_root)
source = dict(images, data_prefix=dict(img_path=source_domain))
target = dict(images, data_prefix=dict(img_path=target_domain))

train_dataloader = dict(num_workers=1, dataset=dict(source=source, target=target))
val_dataloader = dict(num_workers=1, dataset=target)
test_dataloader = val_dataloader
