output "address" {
  description = "Public address of the bastion."
  value       = aws_instance.this.public_ip
}

output "key_name" {
  description = "Name of the administrators' key pair."
  value       = aws_key_pair.this.key_name
}

output "security_group_id" {
  description = "Id of the bastion's security group."
  value       = aws_security_group.this.id
}
