"""The two secrets that people choose: what Terraform is given for them at a plan and an apply.

Terraform wants them every time, and hands one on to AWS only when its version in `secret_versions`
rises. In between, it is given what Secrets Manager has, so that nobody has to keep the password at
hand, and so that a secret which has to be made anew gets the value it had. They go by environment
variables: they are on no command line, in no file and in no output.
"""

import os
import secrets as random

from botocore.exceptions import ClientError

from operations.console import Stop, ask_secret, interactive, say

# What the variables' rules in variables.tf say.
SHORTEST_PASSWORD = 12


def given():
    """Those that the environment has."""
    return {
        "admin_password": os.environ.get("TF_VAR_admin_password"),
        "gemini_api_key": os.environ.get("TF_VAR_gemini_api_key") or os.environ.get("GEMINI_API_KEY"),
    }


def gather(place, state, variables, inputs):
    """The environment variables for Terraform."""
    wanted = ["admin_password"] + (["gemini_api_key"] if inputs["captioner"] == "gemini" else [])
    values = {name: value_of(name, place, state, variables, inputs["secret_versions"][name]) for name in wanted}
    return {f"TF_VAR_{name}": value for name, value in values.items()}


def value_of(name, place, state, variables, version):
    new = given()[name]
    key = name.replace("_", "-")
    address = f'module.secrets.aws_secretsmanager_secret_version.this["{key}"]'
    written = state.attribute(address, "secret_string_wo_version")
    if written is None or written != version:
        return new or choose(name, "a new " if written else "the ")
    value = fetch(place, state.attribute(address, "secret_id"), name)
    if new and new != value:
        raise Stop(
            f"The {name} in the environment is not the one that is in use. To change it, raise its version: "
            f"secret_versions = {{ {name} = {version + 1} }} in terraform/{variables.key}. To leave it, take it out of the environment."
        )
    return value


def fetch(place, arn, name):
    try:
        return place.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise Stop(
            f"The {name} that is in use cannot be read ({code}): {arn}. Deploying needs secretsmanager:GetSecretValue on it."
        ) from None


def choose(name, which):
    if name == "gemini_api_key":
        if interactive():
            return ask_secret(f"{which.capitalize()}key for Gemini", lambda key: None if len(key) >= 8 else "A key is longer.", False)
        raise Stop('captioner is "gemini", which needs a key: set GEMINI_API_KEY, or captioner = "describe".')
    if interactive():
        say(f"Choose {which}password of the admin, or press return to have one made up.")
        chosen = ask_secret("Password", complaint_about_password, True)
        if chosen:
            return chosen
    say(f"{which.capitalize()}password of the admin is made up. How to read it is said at the end.")
    return random.token_urlsafe(24)


def complaint_about_password(password):
    return None if len(password) >= SHORTEST_PASSWORD else f"A password has {SHORTEST_PASSWORD} characters or more."
