mock_provider "aws" {
  source = "../../tests/mocks"
}

mock_provider "random" {}

variables {
  name       = "vitrine"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2", "subnet-3"]
  clients    = { web = "sg-web", functions = "sg-functions" }
}

run "rds_manages_and_rotates_the_password" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS does not manage the password."
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.this.secret_id == aws_db_instance.this.master_user_secret[0].secret_arn && aws_secretsmanager_secret_rotation.this.rotation_rules[0].automatically_after_days == 30
    error_message = "The password is not rotated every 30 days."
  }

  assert {
    condition     = output.environment.DATABASE_SECRET_ARN == aws_db_instance.this.master_user_secret[0].secret_arn && output.environment.DATABASE_URL == "postgres://${aws_db_instance.this.address}:5432/vitrine"
    error_message = "The settings of Vitrine do not refer to the database."
  }
}

run "logs_are_exported_with_a_retention" {
  assert {
    condition     = toset(aws_db_instance.this.enabled_cloudwatch_logs_exports) == toset(["postgresql", "upgrade"]) && alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30])
    error_message = "Logs are not exported, or have no retention."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this["postgresql"].name == "/aws/rds/instance/vitrine/postgresql"
    error_message = "The log group has another name than the one that RDS writes to."
  }
}

run "mysql_requires_tls" {
  variables {
    engine         = "mysql"
    instance_class = "db.t4g.medium"
  }

  assert {
    condition     = aws_db_instance.this.engine == "mysql" && aws_db_instance.this.engine_version == "8.4" && aws_db_parameter_group.this.family == "mysql8.4" && aws_db_instance.this.port == 3306
    error_message = "The engine is not MySQL 8.4."
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "require_secure_transport=1")
    error_message = "Connections without TLS are accepted."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 3306 && rule.to_port == 3306]) && startswith(output.environment.DATABASE_URL, "mysql://") && endswith(output.environment.DATABASE_URL, ":3306/vitrine")
    error_message = "The port or the URL is not the one of MySQL."
  }
}

run "rejects_one_subnet" {
  command = plan
  variables {
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "rejects_an_unknown_engine" {
  command = plan
  variables {
    engine = "oracle"
  }
  expect_failures = [var.engine]
}

run "rejects_a_version_of_the_other_engine" {
  command = plan
  variables {
    engine_version = "8.4"
  }
  expect_failures = [var.engine_version]
}

run "rejects_an_ec2_instance_type" {
  command = plan
  variables {
    instance_class = "t4g.small"
  }
  expect_failures = [var.instance_class]
}

run "rejects_storage_without_room_to_grow" {
  command = plan
  variables {
    storage = { initial = 100, maximum = 105 }
  }
  expect_failures = [var.storage]
}

run "rejects_zero_backup_retention_days" {
  command = plan
  variables {
    backup_retention_days = 0
  }
  expect_failures = [var.backup_retention_days]
}

run "rejects_zero_password_rotation_days" {
  command = plan
  variables {
    password_rotation_days = 0
  }
  expect_failures = [var.password_rotation_days]
}

run "rejects_performance_insights_where_rds_lacks_them" {
  command = plan
  variables {
    engine = "mysql"
  }
  expect_failures = [var.performance_insights]
}
