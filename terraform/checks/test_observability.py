"""The dashboard and the alarms, as Terraform configures them."""

import json
import re
import unittest

from support import MACHINE_METRICS, defaults, needs_stand_in


@needs_stand_in
class Observability(unittest.TestCase):
    def test_metrics_of_the_machine_are_on_the_dashboard_and_low_storage_raises_an_alarm(self):
        # A namespace or dimension name with other than letters and digits has to be in double quotes.
        # CloudWatch search expression syntax,
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
        system = defaults()
        dashboard = json.loads(system.one("aws_cloudwatch_dashboard")["dashboard_body"])
        searched = re.findall(r'{"Vitrine/vitrine","host\.id"} MetricName="(\w+)"', json.dumps(dashboard).replace('\\"', '"'))
        self.assertEqual(sorted(searched), sorted(MACHINE_METRICS))
        rows = {widget["y"] for widget in dashboard["widgets"] if "host.id" in json.dumps(widget)}
        self.assertEqual(len(rows), 1, "they are not in one row")
        (alarm,) = [alarm for alarm in system.all("aws_cloudwatch_metric_alarm").values() if alarm["namespace"] == "Vitrine/vitrine"]
        self.assertEqual((alarm["metric_name"], alarm["statistic"], alarm["threshold"]), ("low_virtual_storage", "Maximum", 0))
        # The series without dimensions has the worst of all instances.
        self.assertFalse(alarm["dimensions"])


if __name__ == "__main__":
    unittest.main()
