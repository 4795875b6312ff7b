"""ImageNet MiT-B0…B5 as released with SegFormer → mmseg's (and mmuda's) `MixVisionTransformer`.

python tools/model_converters/mit2mmseg.py mit_b5.pth OUT
"""

from functools import partial

from converting import main

from mmuda.apis import run_tool
from mmuda.models.backbones.key_mapping import mit_from_official

if __name__ == '__main__':
    run_tool(partial(main, __doc__, mit_from_official))
