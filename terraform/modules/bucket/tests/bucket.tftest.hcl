mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "vitrine-pictures"
}

run "nothing_is_public" {
  assert {
    condition     = aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy && aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    error_message = "Something may become public."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Access lists have an effect."
  }
}

run "everything_is_encrypted_on_the_way_and_at_rest" {
  assert {
    condition     = one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).sse_algorithm == "AES256"
    error_message = "The bucket is not encrypted."
  }

  assert {
    condition     = data.aws_iam_policy_document.this.statement[0].effect == "Deny" && contains(data.aws_iam_policy_document.this.statement[0].actions, "s3:*") && one(data.aws_iam_policy_document.this.statement[0].condition).variable == "aws:SecureTransport" && length(data.aws_iam_policy_document.this.statement) == 1
    error_message = "Requests without TLS are taken, or the policy allows something."
  }
}

run "what_was_deleted_can_be_brought_back_for_a_while" {
  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "There are no versions."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "old-versions"]).noncurrent_version_expiration[0].noncurrent_days == 30
    error_message = "Deleted pictures stay forever, or not long enough."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "unfinished-uploads"]).abort_incomplete_multipart_upload[0].days_after_initiation == 1
    error_message = "Unfinished uploads stay."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "old-versions"]).expiration[0].days == 0 && !aws_s3_bucket.this.force_destroy
    error_message = "Pictures disappear by themselves."
  }
}

run "only_pages_of_the_site_upload_straight_into_it" {
  variables {
    upload_origins = ["https://photos.example.org"]
  }

  assert {
    condition     = one(aws_s3_bucket_cors_configuration.this[0].cors_rule).allowed_origins == toset(["https://photos.example.org"]) && contains(one(aws_s3_bucket_cors_configuration.this[0].cors_rule).allowed_methods, "PUT")
    error_message = "The pages cannot upload, or others can."
  }
}

run "no_page_does_unless_it_is_named" {
  assert {
    condition     = length(aws_s3_bucket_cors_configuration.this) == 0 && length(aws_s3_bucket_logging.this) == 0
    error_message = "There are rules for pages nobody named."
  }
}

run "requests_are_logged_elsewhere" {
  variables {
    log_bucket = "vitrine-logs"
  }

  assert {
    condition     = aws_s3_bucket_logging.this[0].target_bucket == "vitrine-logs" && aws_s3_bucket_logging.this[0].target_prefix == "s3/vitrine-pictures/"
    error_message = "Requests are not logged."
  }
}

run "a_log_bucket_takes_logs_of_the_named_services_only" {
  variables {
    expiration_days = 90
    log_writers = {
      requests = {
        service     = "logging.s3.amazonaws.com"
        prefix      = "s3/"
        source_arns = ["arn:aws:s3:::vitrine-pictures"]
      }
    }
  }

  assert {
    condition     = data.aws_iam_policy_document.this.statement[1].resources == toset(["${aws_s3_bucket.this.arn}/s3/*"]) && data.aws_iam_policy_document.this.statement[1].actions == toset(["s3:PutObject"])
    error_message = "A log writer may do more than write its logs."
  }

  assert {
    condition = sort([for condition in data.aws_iam_policy_document.this.statement[1].condition : "${condition.variable}=${join(",", condition.values)}"]) == tolist([
      "aws:SourceAccount=123456789012", "aws:SourceArn=arn:aws:s3:::vitrine-pictures",
    ])
    error_message = "The service may be used by other accounts or for other sources."
  }

  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule if rule.id == "old-versions"]).expiration[0].days == 90
    error_message = "Logs are kept forever."
  }
}

run "refuses_a_name_with_dots" {
  command = plan
  variables {
    name = "photos.example.org"
  }
  expect_failures = [var.name]
}

run "refuses_no_days_for_old_versions" {
  command = plan
  variables {
    noncurrent_days = 0
  }
  expect_failures = [var.noncurrent_days]
}

run "refuses_objects_that_expire_at_once" {
  command = plan
  variables {
    expiration_days = 0
  }
  expect_failures = [var.expiration_days]
}

run "refuses_every_origin" {
  command = plan
  variables {
    upload_origins = ["*"]
  }
  expect_failures = [var.upload_origins]
}

run "the_load_balancer_writes_under_the_number_of_the_account" {
  variables {
    log_writers = {
      visits = { service = "logdelivery.elasticloadbalancing.amazonaws.com", prefix = "alb/AWSLogs/123456789012/" }
    }
  }

  assert {
    condition     = data.aws_iam_policy_document.this.statement[1].resources == toset(["${aws_s3_bucket.this.arn}/alb/AWSLogs/123456789012/*"]) && length(data.aws_iam_policy_document.this.statement[1].condition) == 0
    error_message = "Load balancers of other accounts may write here, or this one may not."
  }
}

run "refuses_a_log_writer_that_is_no_service" {
  command = plan
  variables {
    log_writers = {
      requests = { service = "logging", prefix = "s3/", source_arns = ["arn:aws:s3:::vitrine-pictures"] }
    }
  }
  expect_failures = [var.log_writers]
}

run "refuses_a_log_writer_for_any_source" {
  command = plan
  variables {
    log_writers = {
      requests = { service = "logging.s3.amazonaws.com", prefix = "s3/" }
    }
  }
  expect_failures = [var.log_writers]
}
