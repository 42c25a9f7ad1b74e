"""The rules for variables, of the root module and of the modules it calls, as a configuration without
resources. Terraform evaluates it without a provider, so every mistake shows before anything is built.

The rules of the modules are not repeated in the root module: its calls are copied with the arguments
that follow from variables alone, and the modules with the variables that these set.
"""

import re
import shutil

from operations.deployment import TERRAFORM

# The zips do not exist yet.
BUILT_LATER = {"package"}


def write_rules(folder):
    for file in ("variables.tf", "sizes.tf"):
        shutil.copy(TERRAFORM / file, folder)
    calls = ""
    for file in ("main.tf", "site.tf", "functions.tf"):
        for name, body in re.findall(r'^module "(\w+)" \{\n(.*?)^\}', (TERRAFORM / file).read_text(), re.MULTILINE | re.DOTALL):
            arguments = dict(re.findall(r"^  (\w+) += (.*[^\n\[({])$", body, re.MULTILINE))
            source = arguments.pop("source").strip('"')
            known = {
                argument: value for argument, value in arguments.items()
                if argument not in BUILT_LATER and not re.search(r"\b(module\.|data\.|aws_|local\.(?!functions\b|database_))", value)
            }
            write_variables(TERRAFORM / source / "variables.tf", folder / "modules" / name, known)
            lines = [f'source = "./modules/{name}"', *(f"{argument} = {value}" for argument, value in known.items())]
            calls += f'module "{name}" {{\n' + "".join(f"  {line}\n" for line in lines) + "}\n"
    (folder / "calls.tf").write_text(calls)


def write_variables(source, module, names):
    """Copies the named variables of a module with their rules."""
    module.mkdir(parents=True)
    variables = re.findall(r'^(variable "(\w+)" \{\n.*?^\}\n)', source.read_text(), re.MULTILINE | re.DOTALL)
    (module / "variables.tf").write_text("".join(text for text, name in variables if name in names))
