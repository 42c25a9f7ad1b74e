mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "vitrine-pictures"
}

run "public_access_and_acls_are_blocked" {
  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "Public access is possible."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are enabled."
  }
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

run "noncurrent_versions_are_kept_for_30_days" {
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "Versioning is off."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "old-versions"]).noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "Noncurrent versions are not kept for 30 days."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "unfinished-uploads"]).abort_incomplete_multipart_upload[0].days_after_initiation == 1
    error_message = "Incomplete uploads are not aborted after a day."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "old-versions"]).expiration[0].days == 0 && !aws_s3_bucket.this.force_destroy
    error_message = "Current objects expire, or the bucket can be deleted with objects."
  }
}

run "access_logs_are_off_by_default" {
  assert {
    condition     = length(aws_s3_bucket_logging.this) == 0
    error_message = "Access logs are on."
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

run "log_delivery_is_limited_to_service_prefix_and_source" {
  variables {
    expiration_days = 90
    log_delivery = {
      requests = {
        service     = "logging.s3.amazonaws.com"
        prefix      = "s3/"
        source_arns = ["arn:aws:s3:::vitrine-pictures"]
      }
    }
  }

  assert {
    condition     = data.aws_iam_policy_document.this.statement[1].resources == toset(["${aws_s3_bucket.this.arn}/s3/*"]) && data.aws_iam_policy_document.this.statement[1].actions == toset(["s3:PutObject"])
    error_message = "The service may do more than write its logs."
  }

  assert {
    condition = sort([for condition in data.aws_iam_policy_document.this.statement[1].condition : "${condition.variable}=${join(",", condition.values)}"]) == tolist([
      "aws:SourceAccount=123456789012", "aws:SourceArn=arn:aws:s3:::vitrine-pictures",
    ])
    error_message = "The service may write logs of other accounts or sources."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "old-versions"]).expiration[0].days == 90
    error_message = "Logs do not expire after 90 days."
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

run "log_delivery_without_source_arns_is_limited_to_the_account_prefix" {
  variables {
    log_delivery = {
      access = { service = "logdelivery.elasticloadbalancing.amazonaws.com", prefix = "alb/AWSLogs/123456789012/" }
    }
  }

  assert {
    condition     = data.aws_iam_policy_document.this.statement[1].resources == toset(["${aws_s3_bucket.this.arn}/alb/AWSLogs/123456789012/*"]) && length(data.aws_iam_policy_document.this.statement[1].condition) == 0
    error_message = "The permission is not limited to the prefix of the account."
  }
}

run "rejects_log_delivery_without_a_service_principal" {
  command = plan
  variables {
    log_delivery = {
      requests = { service = "logging", prefix = "s3/", source_arns = ["arn:aws:s3:::vitrine-pictures"] }
    }
  }
  expect_failures = [var.log_delivery]
}

run "rejects_log_delivery_for_any_source" {
  command = plan
  variables {
    log_delivery = {
      requests = { service = "logging.s3.amazonaws.com", prefix = "s3/" }
    }
  }
  expect_failures = [var.log_delivery]
}
