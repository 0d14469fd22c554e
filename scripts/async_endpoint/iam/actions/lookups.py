"""Services that a deployment calls for a few things: EC2, ECR, Lambda and the Resource Groups Tagging API.

Source: service authorization references. Describe actions of EC2 have no resource type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from async_endpoint.iam.actions.call import (
    ApiCall,
    Permission,
    ResourceFacts,
    Rules,
    alike,
    anywhere,
    each,
    pass_role,
)

_FUNCTION: Final = re.compile(
    r"(arn:aws:lambda:(?P<region>[a-z0-9-]+):)?((?P<account>\d{12}):)?(function:)?(?P<name>[\w-]+)(:(?P<qualifier>[\w$-]+))?"
)

EC2: Final[Rules] = anywhere(
    "DescribeNetworkInterfaces", "DescribePrefixLists", "DescribeSecurityGroups", "DescribeSubnets", "DescribeVpcs",
    "DescribeVpcEndpoints", "DescribeAvailabilityZones", "DescribeRouteTables",
)  # fmt: skip


def _function(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    """A function by name, partial ARN or ARN; an alias or a version, in it or beside it, is part of the resource (A94).

    Raises ValueError for a name in none of these forms (Lambda API reference, FunctionName).
    """
    found = _FUNCTION.fullmatch(unquote(str(call.params["FunctionName"])))
    if found is None:
        raise ValueError(f"The function {call.params['FunctionName']!r} is neither a name nor an ARN.")
    account, region = found["account"] or call.account, found["region"] or call.region
    qualifier = found["qualifier"] or call.params.get("Qualifier")
    arn = f"arn:{call.partition}:lambda:{region}:{account}:function:{found['name']}"
    principal = call.params.get("Principal")
    resource = f"{arn}:{qualifier}" if qualifier else arn
    yield Permission(f"lambda:{call.operation}", resource, {"lambda:Principal": principal} if principal else {})


def _invoke(call: ApiCall, facts: ResourceFacts) -> Iterable[Permission]:
    for _, resource, _ in _function(call, facts):
        yield Permission("lambda:InvokeFunction", resource, {})


LAMBDA: Final[Rules] = {
    **anywhere("GetAccountSettings", "ListFunctions", "ListEventSourceMappings"),
    **each("{Resource}", "ListTags", "TagResource", "UntagResource"),
    **alike(
        _function,
        "AddPermission", "CreateAlias", "DeleteAlias", "DeleteFunction", "GetAlias", "GetFunction",
        "GetFunctionCodeSigningConfig", "GetFunctionConfiguration", "GetPolicy", "ListAliases", "ListVersionsByFunction",
        "PublishVersion", "RemovePermission", "UpdateAlias", "UpdateFunctionCode",
    ),
    "CreateFunction": (_function, pass_role("Role", "lambda.amazonaws.com")),
    "Invoke": (_invoke,),
    "UpdateFunctionConfiguration": (_function, pass_role("Role", "lambda.amazonaws.com")),
}  # fmt: skip

_REPOSITORY: Final = "arn:{partition}:ecr:{region}:{account}:repository/"

ECR: Final[Rules] = {
    **anywhere("GetAuthorizationToken"),
    **each(
        _REPOSITORY + "{repositoryName}",
        "BatchCheckLayerAvailability", "BatchDeleteImage", "BatchGetImage", "CompleteLayerUpload", "CreateRepository",
        "DeleteLifecyclePolicy", "DeleteRepository", "DeleteRepositoryPolicy", "DescribeImages", "GetDownloadUrlForLayer",
        "GetLifecyclePolicy", "GetRepositoryPolicy", "InitiateLayerUpload", "ListImages", "PutImage",
        "PutImageScanningConfiguration", "PutImageTagMutability", "PutLifecyclePolicy", "SetRepositoryPolicy",
        "UploadLayerPart",
    ),
    **each(_REPOSITORY + "{repositoryNames}", "DescribeRepositories"),
    **each("{resourceArn}", "ListTagsForResource", "TagResource", "UntagResource"),
}  # fmt: skip

# What tagging a resource through this API needs of its service besides (its API reference, TagResources).
_TAG_ACTIONS: Final = {
    "kms": ("kms:TagResource", "kms:UntagResource"),
    "logs": ("logs:TagResource", "logs:UntagResource"),
    "s3": ("s3:PutBucketTagging", "s3:PutBucketTagging"),
    "sagemaker": ("sagemaker:AddTags", "sagemaker:DeleteTags"),
    "sns": ("sns:TagResource", "sns:UntagResource"),
    "sqs": ("sqs:TagQueue", "sqs:UntagQueue"),
}


def _tag_each(call: ApiCall, _: ResourceFacts) -> Iterable[Permission]:
    yield Permission(f"tag:{call.operation}", "*", {})
    for arn in call.params.get("ResourceARNList", []):
        tag, untag = _TAG_ACTIONS.get(arn.split(":")[2], ("tag:TagResources", "tag:UntagResources"))
        yield Permission(tag if call.operation == "TagResources" else untag, arn, {})


TAGGING: Final[Rules] = {
    **anywhere("GetResources", "GetTagKeys", "GetTagValues"),
    **alike(_tag_each, "TagResources", "UntagResources"),
}
