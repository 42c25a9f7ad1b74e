"""The secrets that the operator chooses: the admin password and the key of the caption provider.

Terraform needs their values at every plan and apply, and writes one to Secrets Manager only when its
version in `secret_versions` changes. Between changes, Terraform gets the values that Secrets Manager
has: the operator does not have to keep them, and a secret that has to be recreated keeps its value.
They are passed in environment variables, never on a command line, in a file or in the output.
"""

import os
import secrets as random

from botocore.exceptions import ClientError

from operations.console import CommandError, interactive, prompt_secret, say

# As in the validation of variables.tf.
MINIMUM_PASSWORD_LENGTH = 12

# The keys of caption providers.
KEYS = {"gemini": "gemini_api_key", "openai": "openai_api_key"}


def from_environment():
    return {
        "admin_password": os.environ.get("TF_VAR_admin_password"),
    } | {
        key: os.environ.get(f"TF_VAR_{key}") or os.environ.get(key.upper()) for key in KEYS.values()
    }


def collect(deployment, state, variables, inputs):
    """The environment variables for Terraform."""
    names = ["admin_password"] + [key for captioner, key in KEYS.items() if captioner == inputs["captioner"]]
    values = {name: value_of(name, deployment, state, variables, inputs["secret_versions"][name]) for name in names}
    return {f"TF_VAR_{name}": value for name, value in values.items()}


def value_of(name, deployment, state, variables, version):
    given = from_environment()[name]
    key = name.replace("_", "-")
    address = f'aws_secretsmanager_secret_version.this["{key}"]'
    written = state.attribute(address, "secret_string_wo_version")
    if written is None or written != version:
        return given or choose(name, "a new " if written else "the ")
    current = fetch(deployment, state.attribute(address, "secret_id"), name)
    if given and given != current:
        raise CommandError(
            f"The {name} in the environment differs from the current one. To change it, increase its version: "
            f"secret_versions = {{ {name} = {version + 1} }} in terraform/{variables.key}. To keep it, unset the environment variable."
        )
    return current


def fetch(deployment, arn, name):
    try:
        return deployment.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise CommandError(
            f"The current {name} cannot be read ({code}): {arn}. Deploying needs secretsmanager:GetSecretValue on it."
        ) from None


def choose(name, article):
    for captioner, key in KEYS.items():
        if name == key and interactive():
            return prompt_secret(f"{article.capitalize()}{captioner} API key", key_error, optional=False)
        if name == key:
            raise CommandError(f'captioner = "{captioner}" needs a key: set {key.upper()}, or captioner = "describe".')
    if interactive():
        say(f"Choose {article}admin password, or press return to generate one.")
        chosen = prompt_secret("Password", password_error, optional=True)
        if chosen:
            return chosen
    say(f"{article.capitalize()}admin password is generated. The summary at the end shows how to read it.")
    return random.token_urlsafe(24)


def key_error(key):
    return None if len(key) >= 8 else "The key is too short."


def password_error(password):
    return None if len(password) >= MINIMUM_PASSWORD_LENGTH else f"The password must have at least {MINIMUM_PASSWORD_LENGTH} characters."
