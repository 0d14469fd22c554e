"""The default program of a container, when none is set: the second stage."""

from count import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
