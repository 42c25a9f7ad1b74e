locals {
  name = var.name

  # Statements that take longer than a second are logged. MySQL logs to a file, because RDS exports
  # only files.
  engines = {
    postgres = {
      version = "17"
      port    = 5432
      logs    = ["postgresql", "upgrade"]
      parameters = {
        "rds.force_ssl"              = "1"
        "log_min_duration_statement" = "1000"
        "log_statement"              = "ddl"
      }
    }
    mysql = {
      version = "8.4"
      port    = 3306
      logs    = ["error", "slowquery"]
      parameters = {
        "require_secure_transport" = "1"
        "slow_query_log"           = "1"
        "long_query_time"          = "1"
        "log_output"               = "FILE"
      }
    }
  }

  engine  = local.engines[var.engine]
  version = coalesce(var.engine_version, local.engine.version)
}

resource "aws_db_subnet_group" "this" {
  name        = local.name
  description = "Isolated subnets"
  subnet_ids  = var.subnet_ids
}

# Upgrading the major version needs the new group while the old one is still in use.
resource "aws_db_parameter_group" "this" {
  name_prefix = "${local.name}-"
  family      = "${var.engine}${local.version}"
  description = "TLS for everyone, and slow statements in the log"

  dynamic "parameter" {
    for_each = local.engine.parameters

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

# Created before the instance; otherwise RDS would create it without a retention.
resource "aws_cloudwatch_log_group" "this" {
  for_each = toset(local.engine.logs)

  name              = "/aws/rds/instance/${local.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

# Makes the name of the final snapshot unique among databases of the same name.
resource "random_id" "final_snapshot" {
  byte_length = 4
}

resource "aws_db_instance" "this" {
  identifier     = local.name
  engine         = var.engine
  engine_version = local.version
  instance_class = var.instance_class
  multi_az       = var.multi_az

  db_name             = "vitrine"
  username            = "vitrine"
  port                = local.engine.port
  snapshot_identifier = var.snapshot_identifier

  # RDS generates the password, stores it in Secrets Manager and rotates it.
  manage_master_user_password = true

  storage_type          = "gp3"
  storage_encrypted     = true
  allocated_storage     = var.storage.initial
  max_allocated_storage = var.storage.maximum

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false
  parameter_group_name   = aws_db_parameter_group.this.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  backup_retention_period   = var.backup_retention_days
  backup_window             = "02:00-03:00"
  maintenance_window        = "sun:03:30-sun:04:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${local.name}-final-${random_id.final_snapshot.hex}"

  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = true
  apply_immediately           = var.apply_immediately

  enabled_cloudwatch_logs_exports       = local.engine.logs
  performance_insights_enabled          = var.performance_insights
  performance_insights_retention_period = var.performance_insights ? 7 : null
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy_attachment.monitoring]

  lifecycle {
    # The snapshot is used only at creation; removing it later must not replace the database.
    ignore_changes = [snapshot_identifier]
  }
}

resource "aws_secretsmanager_secret_rotation" "this" {
  secret_id          = aws_db_instance.this.master_user_secret[0].secret_arn
  rotate_immediately = false

  rotation_rules {
    automatically_after_days = var.password_rotation_days
  }
}

resource "aws_security_group" "this" {
  name        = "${local.name}-database"
  description = "The database: takes connections, makes none"
  vpc_id      = var.vpc_id

  tags = { Name = "${local.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.clients

  security_group_id            = aws_security_group.this.id
  description                  = "Database connections from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.engine.port
  to_port                      = local.engine.port
}
