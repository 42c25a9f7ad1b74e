"""make deploy and make destroy over the whole life of a deployment: with the stand-in for the AWS
provider, moto for AWS and a fake Docker.
"""

import json
import unittest

from sandbox import ACCOUNT, REGION, FakeSite, Sandbox
from support import ADMIN_PASSWORD, needs_stand_in
from test_operations_preconditions import prepare_library

STATE_BUCKET = f"vitrine-state-{ACCOUNT}-{REGION}"
PICTURES = f"vitrine-pictures-{ACCOUNT}-{REGION}"
BOOTSTRAP = ["terraform bootstrap init", "terraform bootstrap apply"]
IMAGE = ["make image arm64", "docker image", "docker context", "docker login", "docker tag", "docker push"]
PLAN = ["terraform terraform init", "terraform terraform plan with secrets"]
APPLY = ["terraform terraform apply with secrets"]


def setUpModule():
    prepare_library()


class DeploymentTestCase(unittest.TestCase):

    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.stop)

    def operate(self, command, expected=0, **environment):
        status, output = self.sandbox.operate(command, **environment)
        self.assertEqual(status, expected, f"…{output[-3000:]}")
        self.assertNotIn("Traceback", output)
        return output

    def assert_output(self, output, *expected):
        """Like assertIn, without the long plan in the failure message."""
        for text in expected:
            self.assertTrue(text in output, f"{text!r} is not in …{output[-3000:]}")

    def state(self):
        return json.loads(self.sandbox.aws.client("s3").get_object(Bucket=STATE_BUCKET, Key="vitrine.tfstate")["Body"].read())

    def password(self):
        (secret,) = self.sandbox.aws.client("secretsmanager").list_secrets()["SecretList"]
        return self.sandbox.aws.client("secretsmanager").get_secret_value(SecretId=secret["Name"])["SecretString"]

    def upload_picture(self):
        s3 = self.sandbox.aws.client("s3")
        s3.create_bucket(Bucket=PICTURES, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=PICTURES, Key="uploads/1.jpg", Body=b"a picture")


@needs_stand_in
class Deploy(DeploymentTestCase):
    def test_first_deploy_interruption_second_checkout_and_upgrade(self):
        sandbox = self.sandbox
        sandbox.write_variables()

        # Interrupted during apply. The generated password is already in AWS.
        (sandbox.folder / "interrupt-apply").touch()
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None)
        self.assert_output(output, "run make deploy again to continue")
        self.assertEqual(sandbox.take_calls(), ["docker version", *BOOTSTRAP, "make functions arm64", *IMAGE, *PLAN, *APPLY])
        password = self.password()
        self.assertGreaterEqual(len(password), 24)
        self.assertFalse(password in output)

        # Running it again continues: the image exists, and the password is kept.
        output = self.operate("deploy", TF_VAR_admin_password=None)
        self.assertEqual(sandbox.take_calls(), [*BOOTSTRAP, "make functions arm64", *PLAN, *APPLY])
        url = self.state()["outputs"]["url"]["value"]
        self.assert_output(output, f"Vitrine is at {url}\n")
        self.assert_output(output, "plain HTTP")
        self.assertEqual(self.password(), password)
        self.assertEqual(FakeSite.requests, ["/health", "/health/ready"])

        # From another checkout with credentials only: the variables are downloaded, the bucket and
        # the registry are imported, and nothing changes.
        sandbox.checkout = sandbox.clone("another")
        output = self.operate("deploy", TF_VAR_admin_password=None)
        self.assert_output(output, "terraform/vitrine.tfvars was downloaded from s3://")
        self.assert_output(output, "No changes.")
        self.assert_output(output, "Everything is up to date.")
        imported = ["terraform bootstrap init", "terraform bootstrap import", "terraform bootstrap import", "terraform bootstrap apply"]
        self.assertEqual(sandbox.take_calls(), [*imported, "make functions arm64", *PLAN])
        self.assertEqual((sandbox.checkout / "terraform" / ".terraform.lock.hcl").read_text(), "# of the first init\n")

        # An uncommitted change gets an image of its own. The command waits for the instance refresh,
        # then for the site.
        manifest = sandbox.checkout / "Cargo.toml"
        manifest.write_text(manifest.read_text() + "# changed\n")
        FakeSite.answers = {"/health": [502, 200], "/health/ready": [503, 200]}
        output = self.operate("deploy", TF_VAR_admin_password=None)
        self.assertEqual(sandbox.take_calls(), ["docker version", *BOOTSTRAP, "make functions arm64", *IMAGE, *PLAN, *APPLY])
        self.assertEqual(self.version(), "2")
        self.assert_output(output, "Instance refresh: InProgress", "Instance refresh: Successful", "/health: 502", "/health: 200", "/health/ready: 503")
        tags = {tag for image in sandbox.aws.client("ecr").describe_images(repositoryName="vitrine")["imageDetails"] for tag in image["imageTags"]}
        self.assertEqual(len(tags), 2)
        self.assertTrue(any(tag.endswith("-modified-" + "a" * 12) for tag in tags), tags)

        # The state of an earlier version, which had the secrets in a module: the password is kept.
        state = self.state()
        for resource in state["resources"]:
            if resource["type"].startswith("aws_secretsmanager_secret") and "module" not in resource:
                resource["module"] = "module.secrets"
        sandbox.aws.client("s3").put_object(Bucket=STATE_BUCKET, Key="vitrine.tfstate", Body=json.dumps(state))
        output = self.operate("deploy", TF_VAR_admin_password=None)
        self.assertFalse("password is generated" in output)
        self.assertEqual(self.password(), password)

        # The password is on no command line and not in the state.
        self.assertNotIn(password, (sandbox.folder / "command-lines").read_text())
        self.assertNotIn(password, json.dumps(self.state()))

    def test_failed_health_check_changed_password_and_locked_state(self):
        sandbox = self.sandbox
        sandbox.write_variables()
        # The site never becomes healthy: the command fails with hints.
        FakeSite.answers = {"/health": [200], "/health/ready": [503]}
        output = self.operate("deploy", expected=1, WAIT_MINUTES="0.02")
        self.assert_output(output, "/health: 200", "/health/ready is not healthy: 503", "make logs", "make ssh", "allowed_cidrs")
        self.assertEqual(self.password(), ADMIN_PASSWORD)

        # A different password is refused until its version is increased.
        FakeSite.answers = {}
        output = self.operate("deploy", expected=1, TF_VAR_admin_password="another good password")
        self.assert_output(output, "secret_versions = { admin_password = 2 }")
        sandbox.write_variables(secret_versions={"admin_password": 2})
        output = self.operate("deploy", TF_VAR_admin_password="another good password")
        self.assert_output(output, "  +secret_versions")
        self.assertEqual(self.password(), "another good password")

        # IMAGE=list shows the images in the registry.
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None, IMAGE="list")
        self.assert_output(output, "Images in the registry, newest first:", "vitrine@sha256:")

        # Another run holds the state lock.
        sandbox.take_calls()
        lock = {"ID": "0815", "Operation": "OperationTypeApply", "Who": "ada@desk", "Created": "2026-11-21T10:00:00Z"}
        sandbox.aws.client("s3").put_object(Bucket=STATE_BUCKET, Key="vitrine.tfstate.tflock", Body=json.dumps(lock))
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None)
        self.assert_output(output, "ada@desk", "make deploy UNLOCK=0815")
        self.assertEqual(sandbox.take_calls(), [])
        self.operate("deploy", TF_VAR_admin_password=None, UNLOCK="0815")
        calls = sandbox.take_calls()
        self.assertLess(calls.index("terraform terraform force-unlock"), calls.index("terraform terraform plan with secrets"))

    def test_a_deploy_with_a_broken_image_ends_on_the_first_one(self):
        sandbox = self.sandbox
        sandbox.write_variables()
        output = self.operate("deploy")
        self.assert_output(output, "All web instances have version 1 of the launch template.")
        # ServiceLinkedRoleFailure: "The service-linked role is not yet ready for use." Amazon EC2 Auto Scaling,
        # https://docs.aws.amazon.com/botocore/latest/reference/services/autoscaling/client/exceptions/ServiceLinkedRoleFailure.html
        # So the roles exist before the services are used.
        paths = {role["Path"] for role in sandbox.aws.client("iam").list_roles()["Roles"]}
        self.assertEqual(paths, {f"/aws-service-role/{service}.amazonaws.com/" for service in ("autoscaling", "elasticloadbalancing", "rds")})
        (first,) = self.images()
        ecr = sandbox.aws.client("ecr")
        (pushed,) = ecr.batch_get_image(repositoryName="vitrine", imageIds=[{"imageDigest": first.split("@")[1]}])["images"]
        digest = f"sha256:{'b' * 64}"
        ecr.put_image(repositoryName="vitrine", imageManifest=pushed["imageManifest"].replace("0.1.0", "0.2.0"), imageTag="second", imageDigest=digest)

        # The instances with the second image never become healthy. AWS rolls back to the version of the
        # group, which Terraform has not changed.
        second = f"{first.split('@')[0]}@{digest}"
        sandbox.aws.broken_image = digest
        sandbox.take_calls()
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None, IMAGE=second)
        self.assertEqual(sandbox.take_calls(), [*BOOTSTRAP, "make functions arm64", *PLAN, *APPLY])
        self.assert_output(
            output, "Instance refresh: RollbackSuccessful",
            "The instance refresh to version 2 of the launch template failed (RollbackSuccessful)",
            f"The group still has version 1, with the image {first};", "AWS has replaced the failed instances with it as well.",
        )
        self.assertEqual(self.version(), "1")

        # The first image is a new version again. It replaces a refresh that is still running.
        sandbox.aws.refreshes[0]["states"] = ["InProgress", "Successful"]
        output = self.operate("deploy", TF_VAR_admin_password=None, IMAGE=first)
        self.assert_output(output, "An instance refresh to another version is running and is cancelled.", f"The web instances run {first}, version 3")
        self.assertEqual(self.version(), "3")

    def version(self):
        """The version of the launch template that the group has."""
        (group,) = self.sandbox.aws.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["vitrine-web"])["AutoScalingGroups"]
        return group["LaunchTemplate"]["Version"]

    def images(self):
        """The references of the images in the registry."""
        images = self.sandbox.aws.client("ecr").describe_images(repositoryName="vitrine")["imageDetails"]
        return [f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/vitrine@{image['imageDigest']}" for image in images]

    def test_an_image_for_another_architecture_is_not_pushed(self):
        self.sandbox.write_variables()
        (self.sandbox.folder / "architecture").write_text("amd64")
        output = self.operate("deploy", expected=1)
        self.assert_output(output, "vitrine:latest is for amd64, and the instances are arm64")
        self.assertEqual(self.sandbox.take_calls()[-1], "docker image")


@needs_stand_in
class Destroy(DeploymentTestCase):
    def test_protection_confirmation_kept_pictures_and_complete_removal(self):
        sandbox = self.sandbox
        sandbox.write_variables()
        self.operate("deploy")
        self.upload_picture()
        sandbox.take_calls()

        # Deletion protection is on by default.
        output = self.operate("destroy", expected=1, TF_VAR_admin_password=None, CONFIRM="vitrine")
        self.assert_output(output, "the database and the load balancer")
        self.assert_output(output, "deletion_protection = false in terraform/vitrine.tfvars")
        sandbox.write_variables(deletion_protection=False)
        self.operate("deploy")
        sandbox.take_calls()

        # The name has to be confirmed.
        for confirm in (None, "yes", "vitrine2"):
            output = self.operate("destroy", expected=1, TF_VAR_admin_password=None, CONFIRM=confirm)
            self.assert_output(output, "Nothing is deleted.")
            self.assert_output(output, "To be deleted:", "1 db_instance", "final snapshot", f"the bucket {PICTURES}, because it contains pictures")
        self.assertEqual(sandbox.take_calls(), [])
        self.assertGreater(len(self.state()["resources"]), 100)

        output = self.operate("destroy", TF_VAR_admin_password=None, CONFIRM="vitrine")
        self.assertEqual(
            sandbox.take_calls(),
            ["terraform terraform init", "terraform terraform state", "terraform terraform destroy with secrets"],
        )
        self.assertEqual([resource["type"] for resource in self.state()["resources"] if resource["mode"] == "managed"], [])
        self.assert_output(output, f"s3://{PICTURES}: the pictures", f"s3://{STATE_BUCKET}", "make destroy ALL=1")
        sandbox.aws.client("s3").head_object(Bucket=PICTURES, Key="uploads/1.jpg")

        # A second run has nothing to do.
        output = self.operate("destroy", TF_VAR_admin_password=None, CONFIRM="vitrine")
        self.assert_output(output, "already deleted")

        # The next deploy imports the bucket with the pictures. It deletes a log group that RDS has created
        # again: "the cluster automatically regenerates the log group with no specified retention period
        # before it is destroyed. Future attempts at creating via terraform again then fail". Conflict
        # between enabling cloudwatch logs on RDS cluster and explicitly setting retention for the log group,
        # https://github.com/hashicorp/terraform-provider-aws/issues/42858
        logs = sandbox.aws.client("logs")
        for group in ("/aws/rds/instance/vitrine/postgresql", "/aws/rds/instance/vitrine-other/postgresql"):
            logs.create_log_group(logGroupName=group)
        output = self.operate("deploy")
        self.assert_output(output, "The log group /aws/rds/instance/vitrine/postgresql of a deleted database is deleted.")
        self.assertEqual([group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]], ["/aws/rds/instance/vitrine-other/postgresql"])
        self.assert_output(output, "imported with all pictures in it")
        self.assert_output(output, "1 to import")
        buckets = [
            instance["attributes"]["bucket"] for resource in self.state()["resources"]
            if resource["mode"] == "managed" and resource["type"] == "aws_s3_bucket" for instance in resource["instances"]
        ]
        self.assertEqual(len(buckets), 2)

        # ALL=1 deletes the state bucket and the registry too.
        self.operate("destroy", TF_VAR_admin_password=None, CONFIRM="vitrine", ALL="1")
        self.assertEqual([bucket["Name"] for bucket in sandbox.aws.client("s3").list_buckets()["Buckets"]], [PICTURES])
        self.assertEqual(sandbox.aws.client("ecr").describe_repositories()["repositories"], [])


if __name__ == "__main__":
    unittest.main()
