"""Pipeline steps of the data room."""

from .loading import LoadIgnoreLabel, LoadImage, LoadLabel

__all__ = ['LoadIgnoreLabel', 'LoadImage', 'LoadLabel']
