from __future__ import annotations

import re
from pathlib import Path

from async_endpoint.terraform.aim import SERVICES, local_override, process_environment
from async_endpoint.workspace import Workspace

URL = "http://127.0.0.1:4599"


def test_the_override_names_the_local_aws_for_every_service() -> None:
    text = local_override(URL, Path("../../state/first/terraform.tfstate"))
    assert dict(re.findall(r'^    (\w+) += "(.*)"$', text, re.MULTILINE)) == {"path": "../../state/first/terraform.tfstate"} | (
        dict.fromkeys(SERVICES, URL)
    )
    for setting in ("skip_credentials_validation = true", 'access_key = "local"', "s3_use_path_style           = true"):
        assert setting in text


def test_nothing_of_a_persons_aws_reaches_a_local_run() -> None:
    base = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "TF_VAR_name": "shirts",
    }
    environment = process_environment(base, Path("/rc"), URL)
    assert {name for name in environment if name.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
    assert environment["AWS_ENDPOINT_URL"] == URL
    assert environment["TF_VAR_name"] == "shirts"


def test_on_aws_a_persons_profile_stays_and_terraforms_settings_are_the_drivers() -> None:
    base = {
        "AWS_PROFILE": "staging",
        "TF_DATA_DIR": "/elsewhere",
        "TF_WORKSPACE": "other",
        "TF_CLI_ARGS_plan": "-destroy",
        "TF_CLI_CONFIG_FILE": "/gone",
        "TF_LOG": "debug",
    }
    assert process_environment(base, Path("/rc"), None) == {
        "AWS_PROFILE": "staging",
        "TF_LOG": "debug",
        "TF_CLI_CONFIG_FILE": "/rc",
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
        "GOGC": "400",
    }


def test_every_service_the_modules_use_is_named_in_the_override() -> None:
    of_ec2 = ("availability_zones", "default_security_group", "flow_log", "route_table", "security_group", "subnet", "vpc")
    named_otherwise = {"aws_cloudwatch_log_": "logs", "aws_caller_identity": "sts"} | {f"aws_{name}": "ec2" for name in of_ec2}
    offline = {"aws_partition", "aws_region", "aws_iam_policy_document", "aws_sagemaker_prebuilt_ecr_image"}
    files = Workspace.find(Path(__file__).parent).modules.rglob("*.tf")
    used = {name for file in files for name in re.findall(r'^(?:resource|data) "(aws_\w+)"', file.read_text(), re.MULTILINE)}
    for name in used - offline:
        other = next((service for prefix, service in named_otherwise.items() if name.startswith(prefix)), None)
        assert (other or name.split("_")[1]) in SERVICES, f"add the service of {name} to SERVICES"
