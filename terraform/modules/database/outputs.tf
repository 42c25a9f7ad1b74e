output "identifier" {
  description = "Identifier of the instance."
  value       = aws_db_instance.this.identifier
}

output "security_group_id" {
  description = "ID of the security group of the database."
  value       = aws_security_group.this.id
}

output "port" {
  description = "Port of the database."
  value       = local.engine.port
}

output "secret_arn" {
  description = "ARN of the secret with the user name and password."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "environment" {
  description = "Settings of Vitrine for the database. The secret of RDS contains only the user name and the password."
  value = {
    DATABASE_SECRET_ARN = aws_db_instance.this.master_user_secret[0].secret_arn
    DATABASE_URL        = "${var.engine}://${aws_db_instance.this.address}:${local.engine.port}/${aws_db_instance.this.db_name}"
  }
}
