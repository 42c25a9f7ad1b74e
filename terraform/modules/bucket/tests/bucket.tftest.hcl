mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "vitrine-pictures"
}

run "encryption_and_tls_are_required" {
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The bucket is not encrypted."
  }

  assert {
    condition     = data.aws_iam_policy_document.this.statement[0].effect == "Deny" && contains(data.aws_iam_policy_document.this.statement[0].actions, "s3:*") && one(data.aws_iam_policy_document.this.statement[0].condition).variable == "aws:SecureTransport" && length(data.aws_iam_policy_document.this.statement) == 1
    error_message = "Requests without TLS are not denied, or the policy has other statements."
  }
}

run "server_access_logs_go_to_the_log_bucket" {
  variables {
    log_bucket = "vitrine-logs"
  }

  assert {
    condition     = aws_s3_bucket_logging.this[0].target_bucket == "vitrine-logs" && aws_s3_bucket_logging.this[0].target_prefix == "s3/vitrine-pictures/"
    error_message = "The access logs have another target."
  }
}

run "objects_expire_if_that_is_wanted" {
  variables {
    expiration_days = 90
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "old-versions"]).expiration[0].days == 90
    error_message = "Objects do not expire after 90 days."
  }
}

run "statements_are_added_to_the_one_that_requires_tls" {
  variables {
    policy = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  }

  assert {
    condition     = data.aws_iam_policy_document.this.source_policy_documents == tolist([var.policy]) && length(data.aws_iam_policy_document.this.statement) == 1
    error_message = "The statements are missing, or TLS is not required."
  }
}

run "rejects_a_name_with_dots" {
  command = plan
  variables {
    name = "photos.example.org"
  }
  expect_failures = [var.name]
}

run "rejects_zero_noncurrent_days" {
  command = plan
  variables {
    noncurrent_days = 0
  }
  expect_failures = [var.noncurrent_days]
}

run "rejects_zero_expiration_days" {
  command = plan
  variables {
    expiration_days = 0
  }
  expect_failures = [var.expiration_days]
}
