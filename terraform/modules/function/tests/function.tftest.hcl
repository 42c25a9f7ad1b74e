mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                = "vitrine-thumbnail"
  description         = "Makes thumbnails"
  package             = "../../tests/lambda/thumbnail/bootstrap.zip"
  memory              = 512
  timeout             = 60
  batch_size          = 5
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

run "rejects_a_large_batch" {
  command = plan
  variables {
    batch_size = 11
  }
  expect_failures = [var.batch_size]
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
