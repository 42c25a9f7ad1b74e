locals {
  name = var.name
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

module "topic" {
  source = "../topic"

  name        = "${local.name}-alarms"
  kms_key_arn = var.kms_key_arn
  emails      = var.emails

  services = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
  source_arns = [
    "arn:${data.aws_partition.current.partition}:cloudwatch:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:alarm:${local.name}-*",
    "arn:${data.aws_partition.current.partition}:budgets::${data.aws_caller_identity.current.account_id}:*",
  ]
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${local.name}-${each.key}"
  alarm_description = each.value.description
  alarm_actions     = [module.topic.arn]
  ok_actions        = [module.topic.arn]

  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic == "p95" ? null : each.value.statistic
  extended_statistic  = each.value.statistic == "p95" ? "p95" : null
  comparison_operator = try(each.value.below, false) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = each.value.period
  evaluation_periods  = each.value.periods

  # Without requests, there are no data points for errors, which is fine. Without healthy instances,
  # there are none for their number either, which must raise the alarm.
  treat_missing_data = try(each.value.below, false) ? "breaching" : "notBreaching"
}

resource "aws_budgets_budget" "this" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = "${local.name}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"

  dynamic "notification" {
    for_each = { ACTUAL = 80, FORECASTED = 100 }

    content {
      notification_type         = notification.key
      comparison_operator       = "GREATER_THAN"
      threshold                 = notification.value
      threshold_type            = "PERCENTAGE"
      subscriber_sns_topic_arns = [module.topic.arn]
    }
  }
}
