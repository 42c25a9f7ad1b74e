"""Compares what a deployment needs with the quotas and the plan of the account, before anything is built."""

import math

from botocore.exceptions import BotoCoreError, ClientError

from operations.console import confirm, say

SMALL = """\
The small size needs less; in terraform/{name}.tfvars (docs/operations.md, Costs):
  network      = {{ nat = "single" }}
  database     = {{ instance_class = "db.t4g.micro", multi_az = false, backup_retention_days = 1 }}
  web          = {{ capacity = {{ min = 1, desired = 1, max = 2 }} }}
  shell_access = "session_manager"
To raise a quota: https://console.aws.amazon.com/servicequotas/"""

# The service and the code of each quota in Service Quotas.
VCPUS = "ec2", "L-1216C47A"
ADDRESSES = "ec2", "L-0263D0A3"
CONCURRENCY = "lambda", "L-B99A9384"


def check_quotas(deployment, inputs):
    short = [*shortages(deployment, inputs), *refused_by_free_plan(deployment, inputs)]
    if short:
        say("This account may not have room for the deployment:\n" + "\n".join(f"  {line}" for line in short))
        say(SMALL.format(name=deployment.name))
        confirm("Continue anyway?")


def shortages(deployment, inputs):
    """What Service Quotas says is too little. AWS raises some quotas by itself, and others are used by
    other systems, so this is a warning."""
    needs = {
        "vCPUs of running instances, during a deploy": (VCPUS, vcpus(deployment, inputs)),
        "Elastic IP addresses": (ADDRESSES, 1 if inputs["network"]["nat"] == "single" else 3),
        "concurrent executions of functions": (CONCURRENCY, sum(function["maximum_concurrency"] for function in inputs["functions"].values())),
    }
    client = deployment.client("service-quotas")
    for name, ((service, code), needed) in needs.items():
        try:
            quota = client.get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]["Value"]
        except (BotoCoreError, ClientError) as error:
            say(f"The quota for {name} cannot be read, so it is not checked: {error}")
            continue
        if quota < needed:
            yield f"{name}: {needed} needed, the quota is {quota:g}"


def vcpus(deployment, inputs):
    """An instance refresh adds half of the instances. The bastion has two."""
    (kind,) = deployment.client("ec2").describe_instance_types(InstanceTypes=[inputs["web"]["instance_type"]])["InstanceTypes"]
    instances = math.ceil(1.5 * inputs["web"]["capacity"]["desired"])
    return instances * kind["VCpuInfo"]["DefaultVCpus"] + (2 if inputs["shell_access"] == "bastion" else 0)


def refused_by_free_plan(deployment, inputs):
    """What the free plan of new accounts does not include. AWS says so only in its error messages, such as
    FreeTierRestrictionError, so this is a warning too."""
    try:
        plan = deployment.session.client("freetier", region_name="us-east-1").get_account_plan_state()
    except (BotoCoreError, ClientError):
        # Older accounts, and organisations, have no plan.
        return
    if plan.get("accountPlanType") != "FREE":
        return
    database = inputs["database"]
    if database["instance_class"] not in ("db.t3.micro", "db.t4g.micro"):
        yield f"the free plan has the databases db.t3.micro and db.t4g.micro, not {database['instance_class']}"
    if database["backup_retention_days"] > 1:
        yield f"the free plan keeps backups of a database for a day, not {database['backup_retention_days']}"
