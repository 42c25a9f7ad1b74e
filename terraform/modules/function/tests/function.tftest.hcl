mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                = "vitrine-thumbnail"
  description         = "Makes thumbnails"
  package             = "../../tests/lambda/thumbnail/bootstrap.zip"
  memory              = 512
  timeout             = 60
  maximum_concurrency = 10
  environment         = { VITRINE_STORAGE = "s3://vitrine-pictures", GEMINI_API_KEY_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gemini" }
  secret_arns         = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1"]
  queue_arn           = "arn:aws:sqs:eu-west-1:123456789012:vitrine-thumbnail"
  bucket_arn          = "arn:aws:s3:::vitrine-pictures"
  write_prefixes      = ["thumbnails/"]
  network = {
    vpc_id                     = "vpc-1"
    subnet_ids                 = ["subnet-1", "subnet-2", "subnet-3"]
    database_security_group_id = "sg-database"
    database_port              = 5432
  }
}

run "runtime_is_a_custom_arm64_program" {
  assert {
    condition     = aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.architectures == tolist(["arm64"]) && aws_lambda_function.this.handler == "bootstrap" && aws_lambda_function.this.memory_size == 512 && aws_lambda_function.this.timeout == 60
    error_message = "The runtime, architecture, handler, memory or timeout is wrong."
  }

  assert {
    condition     = aws_lambda_function.this.source_code_hash == filebase64sha256("../../tests/lambda/thumbnail/bootstrap.zip")
    error_message = "The hash is not the one of the zip."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active" && aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/vitrine-thumbnail" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Tracing is off, or the log group is wrong."
  }
}

run "partial_batch_failures_are_reported" {
  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.this.batch_size == 5 && aws_lambda_event_source_mapping.this.event_source_arn == var.queue_arn
    error_message = "Partial batch failures are not reported, or the batch size or queue is wrong."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.scaling_config[0].maximum_concurrency == 10
    error_message = "The concurrency is not limited."
  }
}

run "outgoing_connections_are_https_and_the_database_only" {
  assert {
    condition     = toset(aws_lambda_function.this.vpc_config[0].subnet_ids) == toset(["subnet-1", "subnet-2", "subnet-3"]) && toset(aws_lambda_function.this.vpc_config[0].security_group_ids) == toset([aws_security_group.this.id])
    error_message = "The function is not in the subnets or has other security groups."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443 && aws_vpc_security_group_egress_rule.database.referenced_security_group_id == "sg-database" && aws_vpc_security_group_egress_rule.database.from_port == 5432 && aws_vpc_security_group_egress_rule.database.to_port == 5432
    error_message = "The function can connect to something else."
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0
    error_message = "The security group has inline rules."
  }
}

run "policy_is_minimal" {
  assert {
    condition = { for statement in data.aws_iam_policy_document.this.statement : statement.sid => join(" ", sort(statement.resources)) if statement.sid != "Logs" } == {
      Queue                     = "arn:aws:sqs:eu-west-1:123456789012:vitrine-thumbnail"
      ReadOriginals             = "arn:aws:s3:::vitrine-pictures/uploads/*"
      DetectMissingObjects      = "arn:aws:s3:::vitrine-pictures"
      RemoveRenditions          = "arn:aws:s3:::vitrine-pictures/anonymised/* arn:aws:s3:::vitrine-pictures/thumbnails/*"
      WriteRenditions           = "arn:aws:s3:::vitrine-pictures/thumbnails/*"
      Secrets                   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:rds!db-1"
      Traces                    = "*"
      Network                   = "*"
      DenyNetworkToFunctionCode = "*"
    }
    error_message = "The policy covers other resources."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.this.statement : alltrue([for action in statement.actions : !strcontains(action, "*")])])
    error_message = "An action has a wildcard."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement :
      one(statement.condition).values == tolist(["arn:aws:lambda:eu-west-1:123456789012:function:vitrine-thumbnail"]) if statement.effect == "Deny"
    ])
    error_message = "The denial of network actions is not limited to the code of the function."
  }
}

run "function_without_write_prefixes_cannot_write" {
  variables {
    write_prefixes = []
  }

  assert {
    condition     = length([for statement in data.aws_iam_policy_document.this.statement : statement if contains(statement.actions, "s3:PutObject")]) == 0
    error_message = "The function can write objects."
  }
}

run "rejects_a_missing_zip" {
  command = plan
  variables {
    package = "missing.zip"
  }
  expect_failures = [var.package]
}

run "rejects_memory_below_the_lambda_minimum" {
  command = plan
  variables {
    memory = 64
  }
  expect_failures = [var.memory]
}

run "rejects_a_timeout_above_the_lambda_maximum" {
  command = plan
  variables {
    timeout = 1000
  }
  expect_failures = [var.timeout]
}

run "rejects_a_large_batch_without_a_window" {
  command = plan
  variables {
    batch = { size = 11 }
  }
  expect_failures = [var.batch]
}

run "rejects_a_maximum_concurrency_of_one" {
  command = plan
  variables {
    maximum_concurrency = 1
  }
  expect_failures = [var.maximum_concurrency]
}

run "rejects_a_secret_in_the_environment" {
  command = plan
  variables {
    environment = { GEMINI_API_KEY = "secret" }
  }
  expect_failures = [var.environment]
}

run "rejects_a_url_with_a_password" {
  command = plan
  variables {
    environment = { DATABASE_URL = "postgres://vitrine:secret@db.example.org/vitrine" }
  }
  expect_failures = [var.environment]
}

run "rejects_a_function_that_triggers_itself" {
  command = plan
  variables {
    write_prefixes = ["uploads/"]
  }
  expect_failures = [var.write_prefixes]
}

run "rejects_too_many_layers" {
  command = plan
  variables {
    layers = [for number in range(6) : "arn:aws:lambda:eu-west-1:123456789012:layer:l:${number}"]
  }
  expect_failures = [var.layers]
}
