mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "vitrine"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  emails      = ["ops@example.org"]
  web = {
    autoscaling_group        = "vitrine-web"
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

run "every_alarm_goes_to_one_topic_and_says_what_it_means" {
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([module.topic.arn]) && alarm.ok_actions == toset([module.topic.arn]) && length(alarm.alarm_description) > 20])
    error_message = "An alarm is not heard, or not understood."
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "site-errors", "load-balancer-errors", "site-slow", "instances-unhealthy", "site-down", "instances-busy",
      "database-busy", "database-full", "database-connections",
      "annotate-errors", "annotate-dead-letters", "annotate-waiting",
      "thumbnail-errors", "thumbnail-dead-letters", "thumbnail-waiting",
    ])
    error_message = "An alarm is missing."
  }
}

run "a_single_dead_letter_is_one_too_many" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].threshold == 0 && aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].comparison_operator == "GreaterThanThreshold" && aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].dimensions == tomap({ QueueName = "vitrine-annotate-dead" }) && aws_cloudwatch_metric_alarm.this["annotate-dead-letters"].evaluation_periods == 1
    error_message = "Dead letters stay unnoticed."
  }
}

run "silence_is_alarming_only_where_something_should_be_heard" {
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["site-down"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this["site-down"].comparison_operator == "LessThanThreshold" && aws_cloudwatch_metric_alarm.this["site-errors"].treat_missing_data == "notBreaching"
    error_message = "A site that is down makes no noise, or a quiet one does."
  }
}

run "the_limits_are_those_that_were_set" {
  variables {
    limits = { database_storage_gib = 5, response_seconds = 1 }
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["database-full"].threshold == 5368709120 && aws_cloudwatch_metric_alarm.this["database-full"].comparison_operator == "LessThanThreshold"
    error_message = "The storage limit is another."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["site-slow"].threshold == 1 && aws_cloudwatch_metric_alarm.this["site-slow"].extended_statistic == "p95"
    error_message = "The response time is judged differently."
  }
}

run "the_dashboard_shows_what_matters" {
  assert {
    condition = alltrue([
      for word in ["Requests", "Response time", "Errors", "CPU of each instance", "Messages waiting", "Age of the oldest", "Dead letters", "duration", "Database", "Captions"] :
      anytrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : strcontains(widget.properties.title, word)])
    ])
    error_message = "A graph is missing."
  }

  assert {
    condition     = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x} ${widget.y}"])) == 15 && alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.x + widget.width <= 24])
    error_message = "Graphs lie on top of each other, or beyond the edge."
  }

  assert {
    condition     = anytrue([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : strcontains(try(widget.properties.query, ""), "sum(tokens_in) * 0.5 + sum(tokens_out) * 3")])
    error_message = "Captions cost something else."
  }
}

run "there_is_no_budget_unless_asked_for" {
  assert {
    condition     = length(aws_budgets_budget.this) == 0
    error_message = "There is a budget nobody set."
  }
}

run "a_budget_warns_before_it_is_spent" {
  variables {
    monthly_budget_usd = 250
  }

  assert {
    condition     = aws_budgets_budget.this[0].limit_amount == "250" && sort([for notification in aws_budgets_budget.this[0].notification : "${notification.notification_type} ${notification.threshold}"]) == tolist(["ACTUAL 80", "FORECASTED 100"]) && alltrue([for notification in aws_budgets_budget.this[0].notification : notification.subscriber_sns_topic_arns == toset([module.topic.arn])])
    error_message = "The budget warns too late, or nobody."
  }
}

run "refuses_a_limit_of_nothing" {
  command = plan
  variables {
    limits = { cpu_percent = 0 }
  }
  expect_failures = [var.limits]
}

run "refuses_a_budget_of_nothing" {
  command = plan
  variables {
    monthly_budget_usd = 0
  }
  expect_failures = [var.monthly_budget_usd]
}

run "refuses_a_price_below_nothing" {
  command = plan
  variables {
    caption_price = { input = -1, output = 0 }
  }
  expect_failures = [var.caption_price]
}
