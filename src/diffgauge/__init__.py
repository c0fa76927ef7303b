"""diffgauge: does a model-diffing method help to find out what a finetune changed?"""

__all__ = ["__version__"]

__version__ = "0.1.0"
