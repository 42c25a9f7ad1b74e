output "arn" {
  description = "ARN of the topic, available after its policy is set."
  value       = aws_sns_topic_policy.this.arn
}
