output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "security_group_id" {
  description = "Id of its security group, for the database."
  value       = aws_security_group.this.id
}

output "log_group" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "policy" {
  description = "What it may do, as JSON."
  value       = data.aws_iam_policy_document.this.json
}
