output "sender" {
  description = "Who fills the queues, for their policies."
  value = {
    service    = local.eventbridge ? "events.amazonaws.com" : "sns.amazonaws.com"
    source_arn = local.eventbridge ? aws_cloudwatch_event_rule.uploads[0].arn : module.topic[0].arn
  }
}

output "archive" {
  description = "Name of the archive from which uploads are replayed; null with SNS."
  value       = one(aws_cloudwatch_event_archive.uploads[*].name)
}
