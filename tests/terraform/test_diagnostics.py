from __future__ import annotations

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
        "Invalid value for variable: scaling.max_instances is 0; use at least 1, e.g. one more than zero"
    )


def test_a_providers_error_names_call_reason_and_resource_and_no_request() -> None:
    assert str(first_error(PROVIDER)) == (
        "creating SNS Topic (shirts): CreateTopic: AuthorizationError: User: x is not authorized"
        ' (in module.async_inference.module.notifications.aws_sns_topic.this["success"])'
    )


def test_no_error_is_none() -> None:
    assert first_error("Warning: Something\n\nError is only a word here.\n") is None
