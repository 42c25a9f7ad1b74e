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

run "postgresql_is_private_encrypted_and_in_two_zones" {
  assert {
    condition     = aws_db_instance.this.engine == "postgres" && aws_db_instance.this.engine_version == "17" && aws_db_parameter_group.this.family == "postgres17"
    error_message = "The engine is not PostgreSQL 17."
  }

  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "The database has no standby, is not encrypted or is public."
  }

  assert {
    condition     = aws_db_instance.this.storage_type == "gp3" && aws_db_instance.this.allocated_storage == 20 && aws_db_instance.this.max_allocated_storage == 200
    error_message = "The storage does not grow."
  }

  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "rds.force_ssl=1")
    error_message = "Connections without TLS are taken."
  }
}

run "only_the_clients_may_connect" {
  assert {
    condition = sort([for rule in aws_vpc_security_group_ingress_rule.clients : "${rule.referenced_security_group_id} ${rule.from_port}-${rule.to_port}"]) == tolist([
      "sg-functions 5432-5432", "sg-web 5432-5432",
    ])
    error_message = "Others may connect, or clients may reach other ports."
  }

  assert {
    condition     = length(aws_security_group.this.egress) == 0 && toset(aws_db_instance.this.vpc_security_group_ids) == toset([aws_security_group.this.id])
    error_message = "The database may call out, or has other security groups."
  }
}

run "nobody_has_to_know_the_password" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "The password is in the configuration."
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.this.secret_id == aws_db_instance.this.master_user_secret[0].secret_arn && aws_secretsmanager_secret_rotation.this.rotation_rules[0].automatically_after_days == 30
    error_message = "The password does not change."
  }

  assert {
    condition     = output.environment.DATABASE_SECRET_ARN == aws_db_instance.this.master_user_secret[0].secret_arn && output.environment.DATABASE_URL == "postgres://${aws_db_instance.this.address}:5432/vitrine"
    error_message = "Vitrine does not find the database."
  }
}

run "nothing_is_lost_by_mistake" {
  assert {
    condition     = aws_db_instance.this.deletion_protection && aws_db_instance.this.backup_retention_period == 14 && !aws_db_instance.this.skip_final_snapshot && startswith(aws_db_instance.this.final_snapshot_identifier, "vitrine-final-")
    error_message = "The database can be deleted, or leaves no snapshot."
  }
}

run "logs_are_exported_and_not_kept_forever" {
  assert {
    condition     = toset(aws_db_instance.this.enabled_cloudwatch_logs_exports) == toset(["postgresql", "upgrade"]) && alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30])
    error_message = "Logs are missing, or kept forever."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this["postgresql"].name == "/aws/rds/instance/vitrine/postgresql"
    error_message = "AWS would write to a log group of its own."
  }
}

run "mysql_insists_on_tls_too" {
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
    error_message = "Connections without TLS are taken."
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 3306 && rule.to_port == 3306]) && startswith(output.environment.DATABASE_URL, "mysql://") && endswith(output.environment.DATABASE_URL, ":3306/vitrine")
    error_message = "The port is not MySQL's."
  }
}

run "refuses_one_subnet" {
  command = plan
  variables {
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "refuses_an_unknown_engine" {
  command = plan
  variables {
    engine = "oracle"
  }
  expect_failures = [var.engine]
}

run "refuses_a_version_of_the_other_engine" {
  command = plan
  variables {
    engine_version = "8.4"
  }
  expect_failures = [var.engine_version]
}

run "refuses_an_instance_that_is_no_database" {
  command = plan
  variables {
    instance_class = "t4g.small"
  }
  expect_failures = [var.instance_class]
}

run "refuses_storage_that_cannot_grow" {
  command = plan
  variables {
    storage = { initial = 100, maximum = 105 }
  }
  expect_failures = [var.storage]
}

run "refuses_to_go_without_backups" {
  command = plan
  variables {
    backup_retention_days = 0
  }
  expect_failures = [var.backup_retention_days]
}

run "refuses_to_never_change_the_password" {
  command = plan
  variables {
    password_rotation_days = 0
  }
  expect_failures = [var.password_rotation_days]
}

run "says_where_there_are_no_performance_insights" {
  command = plan
  variables {
    engine = "mysql"
  }
  expect_failures = [var.performance_insights]
}
