# Cityscapes (labelled) -> Dark Zurich at night (images only), scored on its 50 labelled images; as cityscapes2acdc.
# Layout, as published: $MMUDA_DATA/dark_zurich/{rgb_anon,gt}/<split>/night/<drive>/*
_base_ = './cityscapes2acdc_512x512.py'
dark_zurich = dict(_delete_=True, type='mmuda.DarkZurich', data_root='{{$MMUDA_DATA:data}}/dark_zurich')
target = dict(dark_zurich, data_prefix=dict(img_path='rgb_anon/train/night'), pipeline=_base_.target_pipeline)
val = dict(
    dark_zurich,
    data_prefix=dict(img_path='rgb_anon/val/night', seg_map_path='gt/val/night'),
    pipeline=_base_.test_pipeline,
)

train_dataloader = dict(dataset=dict(target=target))
val_dataloader = dict(dataset=val)
test_dataloader = val_dataloader
