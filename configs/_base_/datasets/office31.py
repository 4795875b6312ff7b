# Office-31: one of {amazon,dslr,webcam} (labelled) -> another (images only), 31 classes, 224x224.
# The pair is one variable: MMUDA_PAIR=dslr-amazon python tools/train.py ... --work-dir ... (default amazon-webcam).
# As in the literature, the target's images serve both for adaptation, without labels, and for scoring.
# Layout, as published: $MMUDA_DATA/office31/<domain>/images/<class>/*.jpg
_base_ = './classification_224.py'
data_root = '{{$MMUDA_DATA:data}}/office31'
pair = '{{$MMUDA_PAIR:amazon-webcam}}'
source_domain, target_domain = pair.split('-')
# fmt: off
classes = [
    'back_pack', 'bike', 'bike_helmet', 'bookcase', 'bottle', 'calculator', 'desk_chair', 'desk_lamp',
    'desktop_computer', 'file_cabinet', 'headphones', 'keyboard', 'laptop_computer', 'letter_tray', 'mobile_phone',
    'monitor', 'mouse', 'mug', 'paper_notebook', 'pen', 'phone', 'printer', 'projector', 'punchers', 'ring_binder',
    'ruler', 'scissors', 'speaker', 'stapler', 'tape_dispenser', 'trash_can',
]
# fmt: on
num_classes = len(classes)
images = dict(type='mmuda.FolderClassification', data_root=data_root, metainfo=dict(classes=classes))
source = dict(images, data_prefix=dict(img_path=f'{source_domain}/images'))
target = dict(images, data_prefix=dict(img_path=f'{target_domain}/images'))

train_dataloader = dict(dataset=dict(source=source, target=target))
val_dataloader = dict(dataset=target)
test_dataloader = val_dataloader
