# GTA5 (labelled) -> Mapillary Vistas training (images only), scored on its validation part; else as gta2cityscapes.
# Layout: $MMUDA_DATA/mapillary/{training,validation}/{images,v1.2/labels}, as published
_base_ = './gta2cityscapes_512x512.py'
images = dict(_delete_=True, type='mmuda.MapillaryVistas', data_root='{{$MMUDA_DATA:data}}/mapillary')
target = dict(images, data_prefix=dict(img_path='training/images'), pipeline=_base_.target_pipeline)
val = dict(
    images,
    data_prefix=dict(img_path='validation/images', seg_map_path='validation/v1.2/labels'),
    pipeline=_base_.test_pipeline,
)

train_dataloader = dict(dataset=dict(target=target))
val_dataloader = dict(dataset=val)
test_dataloader = val_dataloader
