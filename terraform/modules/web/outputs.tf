output "security_group_id" {
  description = "ID of the security group of the instances."
  value       = aws_security_group.this.id
}

output "autoscaling_group" {
  description = "Name of the auto-scaling group."
  value       = aws_autoscaling_group.this.name
}

output "launch_template" {
  description = "Name and newest version of the launch template."
  value       = { name = aws_launch_template.this.name, version = tostring(aws_launch_template.this.latest_version) }
}

output "namespace" {
  description = "CloudWatch namespace of the metrics."
  value       = local.namespace
}

output "log_groups" {
  description = "Names of the log groups by source."
  value       = { for source, group in aws_cloudwatch_log_group.this : source => group.name }
}

output "scaling_policies" {
  description = "Names of the scaling policies."
  value = sort(concat(
    aws_autoscaling_policy.cpu[*].name,
    aws_autoscaling_policy.requests[*].name,
    [for policy in aws_autoscaling_policy.step : policy.name],
  ))
}
