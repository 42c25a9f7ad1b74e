mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "vitrine-uploads"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  publishers  = { "s3.amazonaws.com" = ["arn:aws:s3:::vitrine-pictures"] }
}

run "topic_is_encrypted" {
  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn
    error_message = "The topic is not encrypted."
  }
}

run "only_the_named_publisher_may_publish" {
  assert {
    condition     = length(data.aws_iam_policy_document.this.statement) == 1 && one(data.aws_iam_policy_document.this.statement[0].principals).identifiers == toset(["s3.amazonaws.com"]) && data.aws_iam_policy_document.this.statement[0].actions == toset(["sns:Publish"])
    error_message = "Other publishers or actions are allowed."
  }

  assert {
    condition = sort([for condition in data.aws_iam_policy_document.this.statement[0].condition : "${condition.test} ${condition.variable} ${one(condition.values)}"]) == tolist([
      "ArnLike aws:SourceArn arn:aws:s3:::vitrine-pictures", "StringEquals aws:SourceAccount 123456789012",
    ])
    error_message = "The source bucket or account is not checked."
  }

  assert {
    condition     = length(aws_sns_topic_subscription.email) == 0
    error_message = "There is a subscription."
  }
}

run "emails_are_subscribed" {
  variables {
    emails = ["ops@example.org"]
  }

  assert {
    condition     = aws_sns_topic_subscription.email["ops@example.org"].protocol == "email" && aws_sns_topic_subscription.email["ops@example.org"].endpoint == "ops@example.org"
    error_message = "The address is not subscribed."
  }
}

run "rejects_a_topic_without_publishers" {
  command = plan
  variables {
    publishers = {}
  }
  expect_failures = [var.publishers]
}

run "rejects_an_invalid_email" {
  command = plan
  variables {
    emails = ["ops"]
  }
  expect_failures = [var.emails]
}
