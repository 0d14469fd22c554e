"""Endpoints of other people's Terraform modules, applied from a root and a state of their own, on a local AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from async_endpoint.terraform.local_override import process_environment
from async_endpoint.terraform.provider import cli_configuration, find_provider_mirror
from support.applied_roots import CHECKOUT, REGION, Checkout
from support.common import unique
from support.live_origins import INPUT, Origin, make_role
from support.sample_model import archive

PROVIDER = """
provider "aws" {
  region            = "%s"
  s3_use_path_style = true
}
"""


@dataclass
class ForeignRoot:
    """A root of a foreign module in `folder`, applied under `environment`."""

    folder: Path
    environment: dict[str, str]

    def terraform(self, *arguments: str) -> str:
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, (
            f"terraform {arguments[0]} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
        )
        return done.stdout

    def apply(self) -> None:
        self.terraform("init", "-input=false", "-lockfile=readonly")
        self.terraform("apply", "-input=false", "-auto-approve", "-no-color")

    def pulled(self) -> Path:
        """A copy of its state, as `terraform state pull` prints it."""
        file = self.folder / "pulled.tfstate"
        file.write_text(self.terraform("state", "pull"))
        return file

    def release(self) -> None:
        """`terraform state rm` of every resource below its module, as the refusal says."""
        addresses = [line for line in self.terraform("state", "list").splitlines() if line.startswith("module.endpoint.aws_")]
        self.terraform("state", "rm", *addresses)


def philschmid(checkout: Checkout, source: Path, folder: Path) -> tuple[Origin, ForeignRoot]:
    """philschmid/terraform-aws-sagemaker-huggingface: asynchronous, scaled by a metric that such endpoints never publish."""
    bucket, name = _bucket(checkout), unique("hf")
    root = _root(
        checkout,
        source,
        folder,
        {
            "name_prefix": name,
            "transformers_version": "4.26.0",
            "pytorch_version": "1.13.1",
            "instance_type": "ml.m5.large",
            "model_data": f"s3://{bucket}/model.tar.gz",
            "hf_task": "text-classification",
            "sagemaker_execution_role": make_role(checkout.client, f"{name}-role", path="/").rpartition("/")[2],
            "async_config": {
                "s3_output_path": f"s3://{bucket}/async-distilbert",
                "sns_success_topic": checkout.client("sns").create_topic(Name=f"{name}-done")["TopicArn"],
                "sns_error_topic": checkout.client("sns").create_topic(Name=f"{name}-failed")["TopicArn"],
            },
            "autoscaling": {"min_capacity": 1, "max_capacity": 2, "scaling_target_invocations": 100},
        },
    )
    return _origin(checkout, root, bucket, "async"), root


def aws_ia(checkout: Checkout, source: Path, folder: Path) -> tuple[Origin, ForeignRoot]:
    """aws-ia/terraform-aws-sagemaker-endpoint: real-time, scaled by its invocations."""
    bucket, name = _bucket(checkout), unique("ia-endpoint")
    image = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/pytorch-inference:2.6.0-cpu-py312"
    variant = {"initial_instance_count": 1, "instance_type": "ml.m5.large", "variant_name": "AllTraffic"}
    root = _root(
        checkout,
        source,
        folder,
        {
            "name_prefix": name,
            "endpoint_name": name,
            "containers": [
                {"image_uri": image, "model_data_url": f"s3://{bucket}/model.tar.gz", "environment": {"STAGE": "live"}}
            ],
            "production_variant": variant,
            "autoscaling_config": {"max_capacity": 2, "target_value": 50},
        },
    )
    return _origin(checkout, root, bucket, "real_time"), root


def _bucket(checkout: Checkout) -> str:
    bucket, s3 = unique("sagemaker-data"), checkout.client("s3")  # AmazonSageMakerFullAccess reads no other names
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=archive())
    s3.put_object(Bucket=bucket, Key="inputs/question.json", Body=INPUT)
    return bucket


def _root(checkout: Checkout, source: Path, folder: Path, arguments: dict[str, Any]) -> ForeignRoot:
    """A root that calls a copy of the module in `source`, whose random suffix becomes a fixed one, without its provider."""
    copy = folder / "module"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns(".git", ".terraform*", "examples", "tests"))
    for file in copy.glob("*.tf"):
        file.write_text(_without_random(file.read_text()))
    call = "\n".join(f"  {name} = jsondecode({json.dumps(json.dumps(value))})" for name, value in arguments.items())
    (folder / "main.tf").write_text(f'{PROVIDER % REGION}\nmodule "endpoint" {{\n  source = "./module"\n{call}\n}}\n')
    shutil.copyfile(CHECKOUT / "envs/local/.terraform.lock.hcl", folder / ".terraform.lock.hcl")
    (folder / "terraform.rc").write_text(cli_configuration(find_provider_mirror()))
    settings = process_environment(os.environ, folder / "terraform.rc", checkout.credentials)
    root = ForeignRoot(folder, settings | {"AWS_ENDPOINT_URL": checkout.credentials.endpoint_url})
    root.apply()
    return root


def _without_random(text: str) -> str:
    lines, skipped = [], 0
    for line in text.splitlines():
        if line.startswith('resource "random_string"') or line.strip().startswith("random = {"):
            skipped = 1
            continue
        if skipped:
            skipped += line.count("{") - line.count("}")
            continue
        lines.append(line)
    for reference in ("random_string.resource_id.result", "random_string.solution_suffix.result"):
        lines = [line.replace(reference, '"abcd"').replace('${"abcd"}', "abcd") for line in lines]
    return "\n".join(lines) + "\n"


def _origin(checkout: Checkout, root: ForeignRoot, bucket: str, kind: str) -> Origin:
    names = [
        instance["attributes"]["name"]
        for resource in json.loads(root.pulled().read_text())["resources"]
        if resource["type"] == "aws_sagemaker_endpoint"
        for instance in resource["instances"]
    ]
    return Origin(checkout.client, names[0], bucket, kind, "terraform")
