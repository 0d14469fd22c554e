"""KMS keys are used for what their KeySpec and KeyUsage allow, and aliases of AWS are reserved."""

from __future__ import annotations

import pytest

from support.common import refusal, unique
from support.in_process_aws import AwsHarness


@pytest.mark.parametrize("spec", ["RSA_2048", "HMAC_256", "ECC_NIST_P256"])
def test_a_key_that_is_not_for_encryption_names_its_usage(local_aws: AwsHarness, spec: str) -> None:
    code, message = refusal(local_aws.kms.create_key, KeySpec=spec)
    assert (code, "must specify a KeyUsage" in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("spec", "usage"),
    [("HMAC_256", "ENCRYPT_DECRYPT"), ("ECC_NIST_P256", "ENCRYPT_DECRYPT"), ("SYMMETRIC_DEFAULT", "SIGN_VERIFY")],
)
def test_a_usage_fits_its_spec(local_aws: AwsHarness, spec: str, usage: str) -> None:
    code, message = refusal(local_aws.kms.create_key, KeySpec=spec, KeyUsage=usage)
    assert (code, f"{usage} is not compatible with KeySpec {spec}" in message) == ("ValidationException", True)


def test_an_operation_needs_a_key_of_its_usage(local_aws: AwsHarness) -> None:
    kms = local_aws.kms

    def key(spec: str, usage: str) -> str:
        return str(kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"])

    signing, mac = key("RSA_2048", "SIGN_VERIFY"), key("HMAC_256", "GENERATE_VERIFY_MAC")
    symmetric = key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    for wrong in (signing, mac):
        for action, more in (("encrypt", {"Plaintext": b"x"}), ("generate_data_key", {"KeySpec": "AES_256"})):
            assert refusal(getattr(kms, action), KeyId=wrong, **more)[0] == "InvalidKeyUsageException", action
        for action in ("enable_key_rotation", "disable_key_rotation", "rotate_key_on_demand"):
            assert refusal(getattr(kms, action), KeyId=wrong)[0] == "UnsupportedOperationException", action
    for wrong in (symmetric, mac):
        signed = refusal(kms.sign, KeyId=wrong, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")
        assert signed[0] == "InvalidKeyUsageException"
        assert refusal(kms.get_public_key, KeyId=wrong)[0] == "UnsupportedOperationException"
    code, message = refusal(kms.generate_mac, KeyId=symmetric, Message=b"x", MacAlgorithm="HMAC_SHA_256")
    expected = f"{symmetric} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac."
    assert (code, message) == ("InvalidKeyUsageException", expected)
    kms.enable_key_rotation(KeyId=symmetric)
    assert kms.get_public_key(KeyId=signing)["KeyUsage"] == "SIGN_VERIFY"
    assert kms.sign(KeyId=signing, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]

    reserved = f"alias/aws/{unique('mine')}"
    assert refusal(kms.create_alias, AliasName=reserved, TargetKeyId=symmetric)[0] == "NotAuthorizedException"
    mine = f"alias/{unique('mine')}"
    kms.create_alias(AliasName=mine, TargetKeyId=symmetric)
    assert refusal(kms.update_alias, AliasName=mine, TargetKeyId=signing)[0] == "ValidationException"
    kms.update_alias(AliasName=mine, TargetKeyId=key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"))
    assert refusal(kms.update_alias, AliasName="alias/aws/s3", TargetKeyId=symmetric)[0] == "NotAuthorizedException"
    assert refusal(kms.delete_alias, AliasName="alias/aws/s3")[0] == "NotAuthorizedException"
