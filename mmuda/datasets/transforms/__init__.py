"""Pipeline steps of the data room."""

from .loading import LoadIgnoreLabel, LoadImage, LoadLabel
from .ten_crop import TenCrop

__all__ = ['LoadIgnoreLabel', 'LoadImage', 'LoadLabel', 'TenCrop']
