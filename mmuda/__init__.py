"""mmuda: unsupervised domain adaptation for segmentation and classification on mmengine."""

__version__ = '0.1.0'
