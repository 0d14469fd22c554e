from __future__ import annotations

from pathlib import Path

import pytest

from async_endpoint.core.errors import InvalidInput
from async_endpoint.terraform import provider as provider_mirror
from async_endpoint.terraform.provider import cli_configuration, find_provider_mirror, own_configuration
from async_endpoint.workspace import Workspace

pytestmark = pytest.mark.usefixtures("checkout")


def provider(folder: Path, *, packed: bool = False, platform: str | None = None) -> Path:
    """Put the AWS provider into `folder`; return it."""
    place = folder / provider_mirror.PROVIDER
    platform = platform or provider_mirror.terraform_platform()
    if packed:
        place.mkdir(parents=True)
        (place / f"terraform-provider-aws_5.100.0_{platform}.zip").touch()
    else:
        (place / "5.100.0" / platform).mkdir(parents=True)
    return folder


def test_the_order_is_setting_implied_folders_then_opt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Linux")
    home = Path.home()
    monkeypatch.setenv("XDG_DATA_DIRS", f"{tmp_path / 'share one'}:{tmp_path / 'share two'}")
    places = [
        tmp_path / "set",
        home / "terraform.d/plugins",
        home / ".terraform.d/plugins",
        home / ".local/share/terraform/plugins",
        tmp_path / "share one/terraform/plugins",
        tmp_path / "share two/terraform/plugins",
        tmp_path / "opt/a",
        tmp_path / "opt/b",
    ]
    assert find_provider_mirror() is None
    for place in reversed(places[1:]):
        assert find_provider_mirror() != place
        provider(place)
        assert find_provider_mirror() == place
    monkeypatch.setenv(provider_mirror.MIRROR_VARIABLE, str(provider(places[0], packed=True)))
    assert find_provider_mirror() == places[0]


def test_a_mirror_for_another_platform_is_passed_over(tmp_path: Path) -> None:
    provider(tmp_path / "opt/a", platform="plan9_mips")
    (tmp_path / "opt/b" / provider_mirror.PROVIDER).mkdir(parents=True)
    assert find_provider_mirror() is None


def test_a_setting_without_the_provider_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider(tmp_path / "opt/a")
    monkeypatch.setenv(provider_mirror.MIRROR_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(InvalidInput, match=r"ASYNC_ENDPOINT_PROVIDER_MIRROR is .*nowhere, which has no registry"):
        find_provider_mirror()


def test_configuration_takes_the_provider_from_the_mirror_alone() -> None:
    text = cli_configuration(Path('/some where/"quoted"'))
    assert r'path    = "/some where/\"quoted\""' in text
    assert text.count('["registry.terraform.io/hashicorp/aws"]') == 2
    assert "provider_installation" not in cli_configuration(None)


def test_own_configuration_is_a_file_that_exists(checkout: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "gone.rc"))
    assert own_configuration() is None
    (Path.home() / ".terraformrc").touch()
    assert own_configuration() == Path.home() / ".terraformrc"
    (tmp_path / "gone.rc").touch()
    assert own_configuration() == tmp_path / "gone.rc"
