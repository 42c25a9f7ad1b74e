resource "aws_cloudwatch_event_rule" "uploads" {
  count = local.eventbridge ? 1 : 0

  name          = "${local.name}-uploads"
  description   = "Uploads, to the queue of each function"
  event_pattern = local.pattern
}

# Events that cannot be delivered within a day go to the dead-letter queue of the function.
resource "aws_cloudwatch_event_target" "queue" {
  for_each = { for name, queue in var.queues : name => queue if local.eventbridge }

  rule      = aws_cloudwatch_event_rule.uploads[0].name
  target_id = each.key
  arn       = each.value.arn

  dead_letter_config {
    arn = each.value.dead_arn
  }

  retry_policy {
    maximum_event_age_in_seconds = 24 * 3600
    maximum_retry_attempts       = 185
  }
}

resource "aws_cloudwatch_event_archive" "uploads" {
  count = local.eventbridge ? 1 : 0

  name             = "${local.name}-uploads"
  description      = "Upload events, for replays"
  event_source_arn = "arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:event-bus/default"
  event_pattern    = local.pattern
  retention_days   = 14
}
