output "identifier" {
  description = "Name of the instance."
  value       = aws_db_instance.this.identifier
}

output "security_group_id" {
  description = "Id of the database's security group."
  value       = aws_security_group.this.id
}

output "port" {
  description = "Port of the database."
  value       = local.engine.port
}

output "secret_arn" {
  description = "ARN of the secret with username and password."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "environment" {
  description = "Settings with which Vitrine finds the database. The secret that AWS keeps has the user name and the password only."
  value = {
    DATABASE_SECRET_ARN = aws_db_instance.this.master_user_secret[0].secret_arn
    DATABASE_URL        = "${var.engine}://${aws_db_instance.this.address}:${local.engine.port}/${aws_db_instance.this.db_name}"
  }
}
