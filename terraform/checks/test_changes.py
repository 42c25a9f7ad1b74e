"""What another apply would change in the applied configuration."""

import json
import unittest

from support import DEFAULTS, alternatives, defaults, needs_stand_in


@needs_stand_in
class Changes(unittest.TestCase):
    def test_a_second_apply_changes_nothing(self):
        self.assertIn("No changes.", defaults().terraform("plan"))
        self.assertIn("No changes.", alternatives().terraform("plan"))

    def test_a_new_image_changes_only_the_launch_template(self):
        # Not the group: "The new instances match the configuration that you last saved on the Auto Scaling
        # group before starting the instance refresh." Undo changes with a manual or auto rollback,
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html
        image = DEFAULTS["image"].replace("sha256:0", "sha256:1")
        self.assertEqual(defaults().changes(image=image), {"module.web.aws_launch_template.this": "update"})

    def test_a_new_secret_version_writes_the_secret_and_restarts_its_readers(self):
        self.assertEqual(defaults().changes(gemini_api_key="another-key"), {})
        self.assertEqual(
            defaults().changes(gemini_api_key="another-key", secret_versions={"gemini_api_key": 2}),
            {
                'aws_secretsmanager_secret_version.this["gemini-api-key"]': "update",
                'module.function["annotate"].aws_lambda_function.this': "update",
                "module.web.aws_launch_template.this": "update",
            },
        )

    def test_a_new_ssh_key_replaces_the_bastion_and_the_instances(self):
        self.assertEqual(
            defaults().changes(ssh_public_key=DEFAULTS["ssh_public_key"].replace("AAAAI", "AAAAJ")),
            {
                "module.bastion[0].aws_key_pair.this": "create/delete",
                "module.bastion[0].aws_instance.this": "delete/create",
                "module.web.aws_launch_template.this": "update",
            },
        )

    def test_a_change_of_size_updates_the_database_in_place(self):
        larger = {"instance_class": "db.m7g.large", "multi_az": False, "storage": {"initial": 50, "maximum": 500}}
        self.assertEqual(
            defaults().changes(database=larger | {"snapshot_identifier": "an-old-snapshot"}),
            {
                "module.database.aws_db_instance.this": "update",
                # Its limit follows from the class.
                'module.observability.aws_cloudwatch_metric_alarm.this["database-connections"]': "update",
            },
        )

    def test_restoring_a_snapshot_replaces_only_the_database(self):
        # The command in docs/operations.md. The next final snapshot needs a new name.
        replace = ("module.database.aws_db_instance.this", "module.database.random_id.final_snapshot")
        plan = defaults().plan(*(f"-replace={address}" for address in replace), database={"snapshot_identifier": "restored"})
        self.assertEqual({address for address, change in plan.items() if "delete" in change["actions"]}, set(replace))
        self.assertEqual(plan[replace[0]]["after"]["snapshot_identifier"], "restored")

    def test_what_an_earlier_version_had_in_modules_moves_and_is_kept(self):
        former = {
            ("aws_secretsmanager_secret", "this"): ("module.secrets", "this"),
            ("aws_secretsmanager_secret_version", "this"): ("module.secrets", "this"),
            ("aws_kms_key", "topics"): ("module.key", "this"),
            ("aws_kms_alias", "topics"): ("module.key", "this"),
        }
        system = defaults()
        state = json.loads(system.state_text)
        renamed = 0
        for resource in state["resources"]:
            found = former.get((resource["type"], resource["name"]))
            if found and "module" not in resource:
                resource["module"], resource["name"] = found
                renamed += 1
        self.assertEqual(renamed, len(former))
        try:
            system.state_file.write_text(json.dumps(state))
            self.assertEqual(system.changes(), {})
        finally:
            system.state_file.write_text(system.state_text)
