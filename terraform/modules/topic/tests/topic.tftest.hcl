mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "vitrine-uploads"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  publishers  = { "s3.amazonaws.com" = ["arn:aws:s3:::vitrine-pictures"] }
}

run "the_topic_is_encrypted" {
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn
    error_message = "Messages wait in the clear."
  }
}

run "the_bucket_of_this_account_may_publish_and_nobody_else" {
  assert {
    condition     = length(data.aws_iam_policy_document.this.statement) == 1 && one(data.aws_iam_policy_document.this.statement[0].principals).identifiers == toset(["s3.amazonaws.com"]) && data.aws_iam_policy_document.this.statement[0].actions == toset(["sns:Publish"])
    error_message = "Others may publish, or S3 may do more."
  }

  assert {
    condition = sort([for condition in data.aws_iam_policy_document.this.statement[0].condition : "${condition.test} ${condition.variable} ${one(condition.values)}"]) == tolist([
      "ArnLike aws:SourceArn arn:aws:s3:::vitrine-pictures", "StringEquals aws:SourceAccount 123456789012",
    ])
    error_message = "Other buckets or accounts may publish."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "Somebody gets mail."
  }
}

run "addresses_get_every_message" {
  variables {
    emails = ["ops@example.org"]
  }

  assert {
    condition     = aws_sns_topic_subscription.email["ops@example.org"].protocol == "email" && aws_sns_topic_subscription.email["ops@example.org"].endpoint == "ops@example.org"
    error_message = "The address gets nothing."
  }
}

run "refuses_a_topic_without_publishers" {
  command = plan
  variables {
    publishers = {}
  }
  expect_failures = [var.publishers]
}

run "refuses_an_address_without_a_domain" {
  command = plan
  variables {
    emails = ["ops"]
  }
  expect_failures = [var.emails]
}
