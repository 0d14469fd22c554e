"""Build and check `model.tar.gz`, the archive a SageMaker container unpacks into its model folder."""

from async_endpoint.packaging.archive import PackagedModel, build_archive
from async_endpoint.packaging.handlers import paths_of_containers
from async_endpoint.packaging.layout import check_layout

__all__ = ["PackagedModel", "build_archive", "check_layout", "paths_of_containers"]
