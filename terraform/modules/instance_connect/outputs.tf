output "security_group_id" {
  description = "Id of the endpoint's security group."
  value       = aws_security_group.this.id
}
