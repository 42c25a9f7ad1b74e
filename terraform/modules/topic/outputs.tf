output "arn" {
  description = "ARN of the topic. What depends on it waits until its policy is in place."
  value       = aws_sns_topic_policy.this.arn
}
