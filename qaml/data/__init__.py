"""Datasets and transforms: where inputs and labels come from, and what is done to them before any model."""

from qaml.data.base import DATASETS, TRANSFORMS, DatasetPart, TransformPart, load

__all__ = ["DATASETS", "TRANSFORMS", "DatasetPart", "TransformPart", "load"]
