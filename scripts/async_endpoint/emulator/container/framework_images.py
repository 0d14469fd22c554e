"""The framework images that AWS publishes, by the whole name of their repository.

An image of one's own, whose repository has such a name as a part (my-pytorch-service), has a server and packages that are
unknown. Sources of the names: SageMaker's Python SDK 2, image_uri_config; aws/deep-learning-containers, available_images.md. A
repository with the whole name in another account is taken for a copy of AWS's: A251 of docs/assumptions.md.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Framework(StrEnum):
    """A framework of AWS's inference images that run the handlers of a model archive."""

    HUGGING_FACE = "huggingface-pytorch"
    PYTORCH = "pytorch"
    SCIKIT_LEARN = "scikit-learn"
    XGBOOST = "xgboost"
    TENSORFLOW = "tensorflow"
    MXNET = "mxnet"


_REPOSITORIES: Final = {
    Framework.HUGGING_FACE: (
        "huggingface-pytorch-inference",
        "huggingface-pytorch-inference-neuron",
        "huggingface-pytorch-inference-neuronx",
    ),
    Framework.PYTORCH: (
        "pytorch-inference",
        "pytorch-inference-arm64",
        "pytorch-inference-eia",
        "pytorch-inference-graviton",
        "pytorch-inference-neuron",
        "pytorch-inference-neuronx",
        "sagemaker-pytorch",
        "stabilityai-pytorch-inference",
    ),
    Framework.SCIKIT_LEARN: ("sagemaker-scikit-learn",),
    Framework.XGBOOST: ("sagemaker-xgboost",),
    Framework.TENSORFLOW: (
        "huggingface-tensorflow-inference",
        "sagemaker-tensorflow-scriptmode",
        "sagemaker-tensorflow-serving",
        "sagemaker-tensorflow-serving-eia",
        "tensorflow-inference",
        "tensorflow-inference-arm64",
        "tensorflow-inference-eia",
        "tensorflow-inference-graviton",
        "tensorflow-inference-neuron",
        "tensorflow-inference-neuronx",
    ),
    Framework.MXNET: (
        "mxnet-inference",
        "mxnet-inference-eia",
        "mxnet-inference-neuron",
        "sagemaker-mxnet",
        "sagemaker-mxnet-eia",
        "sagemaker-mxnet-serving",
        "sagemaker-mxnet-serving-eia",
    ),
}
_FRAMEWORKS: Final = {name: framework for framework, names in _REPOSITORIES.items() for name in names}
# Registry (a first part with a dot or a port), repository, tag and digest.
_IMAGE: Final = re.compile(r"(?:[^/]*[.:][^/]*/)?(?P<repository>[^:@]+)(?::[^@]+)?(?:@.+)?")
_PUBLIC: Final = "deep-learning-containers/"  # the alias of AWS's images in Amazon ECR Public


def framework_of(image: str) -> Framework | None:
    """The framework of an image of AWS; None for any other image."""
    found = _IMAGE.fullmatch(image)
    return _FRAMEWORKS.get(found["repository"].removeprefix(_PUBLIC)) if found else None
