output "security_group_id" {
  description = "Id of the instances' security group."
  value       = aws_security_group.this.id
}

output "autoscaling_group" {
  description = "Name of the auto-scaling group."
  value       = aws_autoscaling_group.this.name
}

output "log_groups" {
  description = "Names of the log groups, by what is in them."
  value       = { for what, group in aws_cloudwatch_log_group.this : what => group.name }
}

output "namespace" {
  description = "CloudWatch namespace of the metrics."
  value       = "Vitrine/${local.name}"
}

output "policy" {
  description = "What the instances may do, as JSON."
  value       = data.aws_iam_policy_document.this.json
}

output "scaling_policies" {
  description = "Names of the policies that add and remove instances."
  value = sort(concat(
    aws_autoscaling_policy.cpu[*].name,
    aws_autoscaling_policy.requests[*].name,
    [for policy in aws_autoscaling_policy.step : policy.name],
  ))
}
