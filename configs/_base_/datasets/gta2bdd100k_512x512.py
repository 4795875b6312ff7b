# GTA5 (labelled) -> BDD100K train (images only), scored on its validation images; otherwise as gta2cityscapes.
# Layout: $MMUDA_DATA/bdd100k/images/10k/<split>/*.jpg, labels/sem_seg/masks/<split>/*.png, as published
_base_ = './gta2cityscapes_512x512.py'
images = dict(_delete_=True, type='mmuda.BDD100K', data_root='{{$MMUDA_DATA:data}}/bdd100k')
target = dict(images, data_prefix=dict(img_path='images/10k/train'), pipeline=_base_.target_pipeline)
val = dict(
    images,
    data_prefix=dict(img_path='images/10k/val', seg_map_path='labels/sem_seg/masks/val'),
    pipeline=_base_.test_pipeline,
)

train_dataloader = dict(dataset=dict(target=target))
val_dataloader = dict(dataset=val)
test_dataloader = val_dataloader
