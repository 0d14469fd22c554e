"""Which environment variables of an adopted container are kept out of files."""

from __future__ import annotations

import pytest

from async_endpoint.deploy.live_adoption.secret_values import is_secret


@pytest.mark.parametrize(
    "name",
    [
        "API_KEY_2", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "BASIC_AUTH", "DB_PASS", "DB_PWD", "HFToken", "HF_API_TOKEN",
        "OPENAI_APIKEY", "SENTRY_DSN", "STORAGE_CONNECTION_STRING", "STRIPE_KEY", "dbPassword", "mytoken", "wandbApiKey",
    ],
)  # fmt: skip
def test_a_name_gives_a_secret_away(name: str) -> None:
    assert is_secret(name, "something")
    assert not is_secret(name, "") and not is_secret(name, "true")


@pytest.mark.parametrize(
    "value",
    [
        "postgres://user:pass/word@db.example/shop", "redis://:secret@cache:6379", "https://token@example.com/simple",
        "https://shop.blob.example/model?sv=1&sig=abc", "AccountName=shop;AccountKey=abc", "Server=db; Password=abc",
        "Authorization: Bearer abcdefgh", "hf_abcdefghijkl", "key sk-proj-abcdefgh", "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJub25l.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x", "-----BEGIN RSA PRIVATE KEY-----", "ghp_abcdefgh1234",
    ],
)  # fmt: skip
def test_a_value_gives_itself_away(value: str) -> None:
    assert is_secret("SETTING", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTHOR", "shop"), ("COMPASS", "north"), ("HF_MODEL_ID", "shop/sk-learn"), ("KEY_PREFIX", "shop"),
        ("KMS_KEY_ARN", "arn:aws:kms:eu-west-1:123456789012:key/1234"), ("MAX_INPUT_TOKENS", "512"), ("MONKEY", "shop"),
        ("SAGEMAKER_SUBMIT_DIRECTORY", "s3://shop/code@1/model.tar.gz"), ("TOKENIZERS_PARALLELISM", "maybe"),
        ("UPSTREAM", "https://example.com:8443/a?page=1"), ("USE_AUTH", "true"),
    ],
)  # fmt: skip
def test_other_settings_stay_readable(name: str, value: str) -> None:
    assert not is_secret(name, value)
