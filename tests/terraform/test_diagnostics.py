from __future__ import annotations

import pytest

from async_endpoint.terraform.diagnostics import first_error

VALIDATION = """
Planning failed. Terraform encountered an error while generating this plan.


Warning: Value for undeclared variable

The root module does not declare a variable named "x".

Error: Invalid value for variable

  on main.tf line 4, in module "async_inference":
   4:   scaling = var.scaling
    ├────────────────
    │ var.scaling.max is 0

scaling.max_instances is 0; use at least 1, e.g. one more
than zero. A second sentence.

This was checked by the validation rule at main.tf:7,2-12.

Error: Another

Detail.
"""

PROVIDER = """
aws_sns_topic.this: Creating...

Error: creating SNS Topic (shirts): operation error SNS: CreateTopic, https response error StatusCode: 403, \
RequestID: 1f-2b, api error AuthorizationError: User: x is not authorized

  with module.async_inference.module.notifications.aws_sns_topic.this["success"],
  on ../../modules/notifications/main.tf line 7, in resource "aws_sns_topic" "this":
   7: resource "aws_sns_topic" "this" {

"""


def test_the_first_error_with_one_sentence_of_its_detail() -> None:
    assert str(first_error(VALIDATION)) == (
        "main.tf line 4: Invalid value for variable: scaling.max_instances is 0; use at least 1, e.g. one more than zero"
    )


def test_a_providers_error_names_call_reason_and_resource_and_no_request() -> None:
    assert str(first_error(PROVIDER)) == (
        "creating SNS Topic (shirts): CreateTopic: AuthorizationError: User: x is not authorized"
        ' (in module.async_inference.module.notifications.aws_sns_topic.this["success"])'
    )


INIT = """
Error: Terraform encountered problems during initialisation, including problems
with the configuration, described below.

The Terraform configuration must be valid before initialization so that
Terraform can determine which modules and providers need to be installed.


Error: Unsuitable value type

  on main.tf line 5, in module "x":
   5:   a = = 1

Unsuitable value: value must be known

Error: Invalid expression

  on main.tf line 5, in module "x":
   5:   a = = 1

Expected the start of an expression, but found an invalid expression token.
"""

MODULE = """
Error: Unreadable module directory

Unable to evaluate directory symlink: lstat nothere: no such file or
directory

Error: Unreadable module directory

The directory  could not be read for module "x" at main.tf:7.
"""

ARGUMENT = """
Error: Unsupported argument

  on main.tf line 3, in module "x":
   3:   nope = 1

An argument named "nope" is not expected here.
"""


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            INIT,
            "main.tf line 5: Invalid expression: Expected the start of an expression, but found an invalid expression token",
        ),
        (
            MODULE,
            "main.tf line 7: Unreadable module directory: Unable to evaluate directory symlink: lstat nothere: no such file "
            "or directory",
        ),
        (ARGUMENT, 'main.tf line 3: Unsupported argument: An argument named "nope" is not expected here'),
        (
            ARGUMENT.replace("main.tf", "../../../modules/endpoint/main.tf"),
            'modules/endpoint/main.tf line 3: Unsupported argument: An argument named "nope" is not expected here',
        ),
    ],
)
def test_an_error_of_the_configuration_is_named_with_its_place(output: str, sentence: str) -> None:
    assert str(first_error(output)) == sentence


def test_a_headline_alone_is_the_error() -> None:
    assert str(first_error(INIT.partition("Error: Unsuitable")[0])).startswith("Terraform encountered problems")


def test_a_long_list_of_values_is_cut_and_the_value_that_was_found_is_not() -> None:
    values = ", ".join(f'"ml.m{number}.large"' for number in range(200))
    found = str(first_error(f"Error: expected instance_type to be one of [{values}], got ml.x\n\n  with aws_x.this,\n"))
    assert found.startswith('expected instance_type to be one of ["ml.m0.large"')
    assert found.endswith('"ml.m199.large"], got ml.x (in aws_x.this)')
    assert len(found) < 430


def test_no_error_is_none() -> None:
    assert first_error("Warning: Something\n\nError is only a word here.\n") is None
