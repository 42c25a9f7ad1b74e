output "arns" {
  description = "ARNs of the secrets by name. They are known once there is a value."
  value       = { for name, version in aws_secretsmanager_secret_version.this : name => version.arn }
}
