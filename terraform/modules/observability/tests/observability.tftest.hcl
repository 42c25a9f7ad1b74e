mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "vitrine"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  emails      = ["ops@example.org"]
  web = {
    autoscaling_group        = "vitrine-web"
    namespace                = "Vitrine/vitrine"
    load_balancer_arn_suffix = "app/vitrine/1"
    target_group_arn_suffix  = "targetgroup/vitrine/2"
  }
  functions = {
    annotate  = { name = "vitrine-annotate", log_group = "/aws/lambda/vitrine-annotate", queue = "vitrine-annotate", dead_queue = "vitrine-annotate-dead" }
    thumbnail = { name = "vitrine-thumbnail", log_group = "/aws/lambda/vitrine-thumbnail", queue = "vitrine-thumbnail", dead_queue = "vitrine-thumbnail-dead" }
  }
  database      = "vitrine"
  caption_price = { input = 0.5, output = 3 }
}

run "alarms_have_a_description_and_notify_the_topic" {
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([module.topic.arn]) && alarm.ok_actions == toset([module.topic.arn]) && length(alarm.alarm_description) > 20])
    error_message = "An alarm does not notify the topic, or has no description."
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "site-errors", "load-balancer-errors", "site-slow", "instances-unhealthy", "site-down", "instances-busy", "instance-storage-low",
      "database-busy", "database-full", "database-connections",
      "annotate-errors", "annotate-dead-letters", "annotate-waiting",
      "thumbnail-errors", "thumbnail-dead-letters", "thumbnail-waiting",
    ])
    error_message = "The set of alarms is wrong."
  }
}

run "one_dead_letter_raises_an_alarm" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].threshold == 0 && aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].comparison_operator == "GreaterThanThreshold" && aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].dimensions == tomap({ QueueName = "vitrine-annotate-dead" }) && aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].evaluation_periods == 1
    error_message = "The alarm does not fire for one dead letter."
  }
}

run "missing_data_raises_an_alarm_for_healthy_hosts_only" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["site-down"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["site-down"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.this["site-errors"].treat_missing_data == "notBreaching"
    error_message = "Missing data is treated wrongly."
  }
}

run "limits_set_the_thresholds" {
  variables {
    limits = { database_storage_gib = 5, response_seconds = 1 }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["database-full"].threshold == 5368709120 && aws_cloudwatch_metric_alarm.this["database-full"].comparison_operator == "LessThanThreshold"
    error_message = "The storage threshold is wrong."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["site-slow"].threshold == 1 && aws_cloudwatch_metric_alarm.this["site-slow"].extended_statistic == "p95"
    error_message = "The response time alarm is wrong."
  }
}

run "dashboard_is_complete" {
  assert {
    condition = alltrue([
      for word in ["Requests", "Response time", "Errors", "CPU of each instance", "Messages waiting", "Age of the oldest", "Dead letters", "duration", "Database", "Captions", "memory", "TCP connections", "free storage"] :
      anytrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : strcontains(widget.properties.title, word)])
    ])
    error_message = "A graph is missing."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x} ${widget.y}"])) == length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) && alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 24])
    error_message = "Widgets overlap, or exceed the width."
  }

  assert {
    condition     = anytrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : strcontains(try(widget.properties.query, ""), "sum(tokens_in) * 0.5 + sum(tokens_out) * 3")])
    error_message = "The caption price is not used."
  }
}

run "budget_notifies_at_80_percent_and_on_forecast" {
  variables {
    monthly_budget_usd = 250
  }

  assert {
    condition     = aws_budgets_budget.this[0].limit_amount == "250" && sort([for notification in aws_budgets_budget.this[0].notification : "${notification.notification_type} ${notification.threshold}"]) == tolist(["ACTUAL 80", "FORECASTED 100"]) && alltrue([for notification in aws_budgets_budget.this[0].notification : notification.subscriber_sns_topic_arns == toset([module.topic.arn])])
    error_message = "The limit, thresholds or subscribers of the budget are wrong."
  }
}

run "rejects_a_zero_limit" {
  command = plan
  variables {
    limits = { cpu_percent = 0 }
  }
  expect_failures = [var.limits]
}

run "rejects_a_zero_budget" {
  command = plan
  variables {
    monthly_budget_usd = 0
  }
  expect_failures = [var.monthly_budget_usd]
}

run "rejects_a_negative_price" {
  command = plan
  variables {
    caption_price = { input = -1, output = 0 }
  }
  expect_failures = [var.caption_price]
}
