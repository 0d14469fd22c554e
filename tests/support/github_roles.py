"""The roles that module iam makes for GitHub, on a local AWS that enforces IAM: who may assume them, and their sessions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from async_endpoint.iam import AccessRequest, evaluate
from support.team_repository import ACCOUNT_ID, Account

ISSUER = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/{ISSUER}"


def admitted(trust: Mapping[str, Any], claims: Mapping[str, str]) -> bool:
    """Whether GitHub's token with these claims may assume a role with this trust policy."""
    [statement] = [dict(statement) for statement in trust["Statement"]]
    assert statement.pop("Principal") == {"Federated": PROVIDER}
    policy = {"Version": "2012-10-17", "Statement": [statement | {"Resource": "*"}]}
    context: dict[str, str | list[str]] = {f"{ISSUER}:{name}": value for name, value in claims.items()}
    request = AccessRequest("sts:AssumeRoleWithWebIdentity", "*", f"arn:aws:iam::{ACCOUNT_ID}:role/any", context)
    return evaluate(request, [policy]).allowed


@dataclass(frozen=True)
class EnforcedAccount(Account):
    """An account whose workflows act as the deployed roles of `deployment`, such as recommender-dev."""

    deployment: str = "recommender-dev"

    def client(self, service: str) -> Any:
        """A client with the administrator's credentials."""
        return boto3.client(
            service,
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )

    def role(self, kind: str) -> str:
        return super().role(f"{self.deployment}-{self.region}-{kind}")

    def credentials(self, role: str, claims: Mapping[str, str]) -> Mapping[str, str]:
        """Those of a session of `role`, if its deployed trust policy admits the claims."""
        trust = self.client("iam").get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
        return self.session(role) if admitted(trust, claims) else {}

    def session(self, role: str) -> dict[str, str]:
        """The variables of a session of `role`. The local AWS issues none for a token of GitHub (A16), so the role trusts the
        administrator for a moment.
        """
        iam, name = self.client("iam"), role.rpartition("/")[2]
        own = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        principal = {"AWS": f"arn:aws:iam::{ACCOUNT_ID}:root"}
        lent = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(lent))
        try:
            issued = self.client("sts").assume_role(RoleArn=role, RoleSessionName="GitHubActions")["Credentials"]
        finally:
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(own))
        return {
            "AWS_ACCESS_KEY_ID": issued["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": issued["SecretAccessKey"],
            "AWS_SESSION_TOKEN": issued["SessionToken"],
        }
