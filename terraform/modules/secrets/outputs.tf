output "arns" {
  description = "ARNs of the secrets by name, available after their values are written."
  value       = { for name, version in aws_secretsmanager_secret_version.this : name => version.arn }
}
