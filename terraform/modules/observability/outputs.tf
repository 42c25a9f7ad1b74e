output "topic_arn" {
  description = "ARN of the topic of all alarms."
  value       = module.topic.arn
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}
