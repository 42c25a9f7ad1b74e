mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "vitrine-uploads"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  services    = ["s3.amazonaws.com"]
  source_arns = ["arn:aws:s3:::vitrine-pictures"]
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

run "rejects_a_topic_without_services" {
  command = plan
  variables {
    services = []
  }
  expect_failures = [var.services]
}

run "rejects_an_invalid_email" {
  command = plan
  variables {
    emails = ["ops"]
  }
  expect_failures = [var.emails]
}
