output "sender" {
  description = "The sender of the messages, for the queue policies."
  value = {
    service    = local.eventbridge ? "events.amazonaws.com" : "sns.amazonaws.com"
    source_arn = local.eventbridge ? aws_cloudwatch_event_rule.uploads[0].arn : module.topic[0].arn
  }
}

output "archive" {
  description = "Name of the archive that can replay upload events; null with SNS."
  value       = one(aws_cloudwatch_event_archive.uploads[*].name)
}
