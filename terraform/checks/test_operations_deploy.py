"""make deploy and make destroy, from nothing to nothing: with the stand-in for AWS's provider, moto
in the place of AWS, and a recorded Docker.
"""

import json
import unittest

from support import ADMIN_PASSWORD, needs_stand_in
from test_operations_refusals import prepare_library
from world import ACCOUNT, REGION, Site, World

STATE_BUCKET = f"vitrine-state-{ACCOUNT}-{REGION}"
PICTURES = f"vitrine-pictures-{ACCOUNT}-{REGION}"
BOOTSTRAP = ["terraform bootstrap init", "terraform bootstrap apply"]
IMAGE = ["make image arm64", "docker image", "docker context", "docker login", "docker tag", "docker push"]
PLAN = ["terraform terraform init", "terraform terraform plan with secrets"]
APPLY = ["terraform terraform apply with secrets"]


def setUpModule():
    prepare_library()


class Steps(unittest.TestCase):
    """One world, and what is done to it one after the other."""

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.stop)

    def operate(self, command, expected=0, **environment):
        code, output = self.world.operate(command, **environment)
        self.assertEqual(code, expected, f"…{output[-3000:]}")
        self.assertNotIn("Traceback", output)
        return output

    def says(self, output, *expected):
        """Without the long plans, when it does not."""
        for text in expected:
            self.assertTrue(text in output, f"{text!r} is not in …{output[-3000:]}")

    def state(self):
        return json.loads(self.world.aws.client("s3").get_object(Bucket=STATE_BUCKET, Key="vitrine.tfstate")["Body"].read())

    def password(self):
        (secret,) = self.world.aws.client("secretsmanager").list_secrets()["SecretList"]
        return self.world.aws.client("secretsmanager").get_secret_value(SecretId=secret["Name"])["SecretString"]

    def keep_picture(self):
        s3 = self.world.aws.client("s3")
        s3.create_bucket(Bucket=PICTURES, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=PICTURES, Key="uploads/1.jpg", Body=b"a picture")


@needs_stand_in
class Deploy(Steps):
    def test_from_a_clean_clone_through_an_accident_to_the_next_version(self):
        world = self.world
        world.write_variables()

        # Cut off while resources are made. A password was made up, and is in AWS already.
        (world.folder / "cut").touch()
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None)
        self.says(output, "make deploy goes on from there")
        self.assertEqual(world.record(), ["docker version", *BOOTSTRAP, "make functions arm64", *IMAGE, *PLAN, *APPLY])
        password = self.password()
        self.assertGreaterEqual(len(password), 24)
        self.assertFalse(password in output)

        # The same again goes on: the image is there, and the password stays what it is.
        output = self.operate("deploy", TF_VAR_admin_password=None)
        self.assertEqual(world.record(), [*BOOTSTRAP, "make functions arm64", *PLAN, *APPLY])
        url = self.state()["outputs"]["url"]["value"]
        self.says(output, f"Vitrine is at {url}\n")
        self.says(output, "plain HTTP")
        self.assertEqual(self.password(), password)
        self.assertEqual(Site.asked, ["/health", "/health/ready"])

        # From another clone, with nothing but credentials: the variables come back, the bucket and
        # the registry are taken over, and nothing changes.
        world.checkout = world.clone("another")
        output = self.operate("deploy", TF_VAR_admin_password=None)
        self.says(output, "terraform/vitrine.tfvars comes from s3://")
        self.says(output, "No changes.")
        self.says(output, "Everything is as it should be already.")
        taken_over = ["terraform bootstrap init", "terraform bootstrap import", "terraform bootstrap import", "terraform bootstrap apply"]
        self.assertEqual(world.record(), [*taken_over, "make functions arm64", *PLAN])
        self.assertEqual((world.checkout / "terraform" / ".terraform.lock.hcl").read_text(), "# of the first init\n")

        # A change that is not committed is another image. The new instances are waited for; then the
        # site comes in its own time.
        (world.checkout / "Cargo.toml").open("a").write("# changed\n")
        world.aws.refreshes = [("new", ["Pending", "InProgress", "InProgress", "Successful"])]
        Site.answers = {"/health": [502, 200], "/health/ready": [503, 200]}
        output = self.operate("deploy", TF_VAR_admin_password=None)
        self.assertEqual(world.record(), ["docker version", *BOOTSTRAP, "make functions arm64", *IMAGE, *PLAN, *APPLY])
        self.says(output, "New instances: InProgress", "New instances: Successful", "/health: 502", "/health: 200", "/health/ready: 503")
        tags = {tag for image in world.aws.client("ecr").describe_images(repositoryName="vitrine")["imageDetails"] for tag in image["imageTags"]}
        self.assertEqual(len(tags), 2)
        self.assertTrue(any(tag.endswith("-modified-" + "a" * 12) for tag in tags), tags)

        # No secret was on any command line, nor in what Terraform keeps or the registry's login left.
        self.assertNotIn(password, (world.folder / "command-lines").read_text())
        self.assertNotIn(password, json.dumps(self.state()))

    def test_what_does_not_come_up_and_what_is_not_changed_by_accident(self):
        world = self.world
        world.write_variables()
        # Health that never comes: what to look at, and a failure.
        Site.answers = {"/health": [200], "/health/ready": [503]}
        output = self.operate("deploy", expected=1, WAIT_MINUTES="0.02")
        self.says(output, "/health: 200", "/health/ready does not answer as it should: 503", "make logs", "make ssh", "allowed_cidrs")
        self.assertEqual(self.password(), ADMIN_PASSWORD)

        # Another password is not taken for a new one until its version rises, and then it is.
        Site.answers = {}
        output = self.operate("deploy", expected=1, TF_VAR_admin_password="another good password")
        self.says(output, "secret_versions = { admin_password = 2 }")
        world.write_variables(secret_versions={"admin_password": 2})
        output = self.operate("deploy", TF_VAR_admin_password="another good password")
        self.says(output, "  +secret_versions")
        self.assertEqual(self.password(), "another good password")

        # What there is to go back to.
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None, IMAGE="list")
        self.says(output, "It has, newest first:", "vitrine@sha256:")

        # An image that was pushed before, without building; the new instances fail, and AWS went back.
        (image,) = world.aws.client("ecr").describe_images(repositoryName="vitrine")["imageDetails"]
        reference = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/vitrine@{image['imageDigest']}"
        world.aws.refreshes = [("old", ["Cancelled"]), ("new", ["RollbackInProgress", "RollbackSuccessful"])]
        world.record()
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None, IMAGE=reference, WAIT_MINUTES="1")
        self.says(output, "did not come to stay")
        self.assertEqual(world.record(), [*BOOTSTRAP, "make functions arm64", *PLAN])

        # Somebody else is at it.
        lock = {"ID": "0815", "Operation": "OperationTypeApply", "Who": "ada@desk", "Created": "2026-11-21T10:00:00Z"}
        world.aws.client("s3").put_object(Bucket=STATE_BUCKET, Key="vitrine.tfstate.tflock", Body=json.dumps(lock))
        output = self.operate("deploy", expected=1, TF_VAR_admin_password=None)
        self.says(output, "ada@desk")
        self.says(output, "make deploy UNLOCK=0815")
        self.assertEqual(world.record(), [])
        world.aws.refreshes = []
        self.operate("deploy", TF_VAR_admin_password=None, UNLOCK="0815")
        record = world.record()
        self.assertLess(record.index("terraform terraform force-unlock"), record.index("terraform terraform plan with secrets"))

    def test_an_image_for_another_processor_is_not_pushed(self):
        self.world.write_variables()
        (self.world.folder / "architecture").write_text("amd64")
        output = self.operate("deploy", expected=1)
        self.says(output, "vitrine:latest is for amd64, and the instances are arm64")
        self.assertEqual(self.world.record()[-1], "docker image")


@needs_stand_in
class Destroy(Steps):
    def test_it_goes_in_steps_and_keeps_what_it_says(self):
        world = self.world
        world.write_variables()
        self.operate("deploy")
        self.keep_picture()
        world.record()

        # Protected, as it is by default.
        output = self.operate("destroy", expected=1, TF_VAR_admin_password=None, CONFIRM="vitrine")
        self.says(output, "the database and the load balancer")
        self.says(output, "deletion_protection = false in terraform/vitrine.tfvars")
        world.write_variables(deletion_protection=False)
        self.operate("deploy")
        world.record()

        # Not without the name.
        for confirm in (None, "yes", "vitrine2"):
            output = self.operate("destroy", expected=1, TF_VAR_admin_password=None, CONFIRM=confirm)
            self.says(output, "Nothing is deleted.")
            self.says(output, "This goes:", "1 db_instance", "final snapshot", f"the bucket {PICTURES}, because there are pictures in it")
        self.assertEqual(world.record(), [])
        self.assertGreater(len(self.state()["resources"]), 100)

        output = self.operate("destroy", TF_VAR_admin_password=None, CONFIRM="vitrine")
        self.assertEqual(
            world.record(),
            ["terraform terraform init", "terraform terraform state", "terraform terraform destroy with secrets"],
        )
        self.assertEqual([resource["type"] for resource in self.state()["resources"] if resource["mode"] == "managed"], [])
        self.says(output, f"s3://{PICTURES}: the pictures", f"s3://{STATE_BUCKET}", "make destroy ALL=1")
        world.aws.client("s3").head_object(Bucket=PICTURES, Key="uploads/1.jpg")

        # Once more: nothing to do, and it says so.
        output = self.operate("destroy", TF_VAR_admin_password=None, CONFIRM="vitrine")
        self.says(output, "gone already")

        # The next deployment takes the pictures up again.
        output = self.operate("deploy")
        self.says(output, "taken over with all pictures in it")
        self.says(output, "1 to import")
        buckets = [
            instance["attributes"]["bucket"] for resource in self.state()["resources"]
            if resource["mode"] == "managed" and resource["type"] == "aws_s3_bucket" for instance in resource["instances"]
        ]
        self.assertEqual(len(buckets), 2)

        # With everything.
        self.operate("destroy", TF_VAR_admin_password=None, CONFIRM="vitrine", ALL="1")
        self.assertEqual([bucket["Name"] for bucket in world.aws.client("s3").list_buckets()["Buckets"]], [PICTURES])
        self.assertEqual(world.aws.client("ecr").describe_repositories()["repositories"], [])


if __name__ == "__main__":
    unittest.main()
