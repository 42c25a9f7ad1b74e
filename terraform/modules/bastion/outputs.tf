output "address" {
  description = "Public address of the bastion."
  value       = aws_instance.this.public_ip
}

output "key_name" {
  description = "Name of the key pair of the administrators."
  value       = aws_key_pair.this.key_name
}

output "security_group_id" {
  description = "ID of the security group of the bastion."
  value       = aws_security_group.this.id
}
