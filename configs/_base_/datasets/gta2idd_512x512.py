# GTA5 (labelled) -> IDD train (images only), scored on its validation images; otherwise as gta2cityscapes.
# Layout: $MMUDA_DATA/idd/{leftImg8bit,gtFine}; the labels come from tools/dataset_converters/idd.py
_base_ = './gta2cityscapes_512x512.py'
images = dict(_delete_=True, type='mmuda.IDD', data_root='{{$MMUDA_DATA:data}}/idd')
target = dict(images, data_prefix=dict(img_path='leftImg8bit/train'), pipeline=_base_.target_pipeline)
val = dict(
    images,
    data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
    pipeline=_base_.test_pipeline,
)

train_dataloader = dict(dataset=dict(target=target))
val_dataloader = dict(dataset=val)
test_dataloader = val_dataloader
