output "security_group_id" {
  description = "ID of the security group of the endpoint."
  value       = aws_security_group.this.id
}
