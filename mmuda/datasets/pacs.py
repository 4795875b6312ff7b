"""PACS (Li et al., ICCV 2017): seven classes as photographs, art paintings, cartoons and sketches.

Layout: `images/{art_painting,cartoon,photo,sketch}/<class>/*` and the published lists
`splits/<domain>_{train,crossval,test}_kfold.txt`, whose class numbers begin with 1.
"""

from mmuda.registry import DATASETS

from .folder_classification import FolderClassification


@DATASETS.register_module()
class PACS(FolderClassification):
    """A list of one domain, without the image that Dassl found to be broken."""

    METAINFO = dict(classes=('dog', 'elephant', 'giraffe', 'guitar', 'horse', 'house', 'person'))
    FIRST_NUMBER = 1
    EXCLUDED = ('sketch/dog/n02103406_4068-1.png',)
