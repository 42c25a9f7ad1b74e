mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "vitrine"
  bucket      = { name = "vitrine-pictures", arn = "arn:aws:s3:::vitrine-pictures" }
  gallery_url = "https://photos.example.org/gallery"
  kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
  queues = {
    annotate  = { arn = "arn:aws:sqs:eu-west-1:123456789012:annotate", dead_arn = "arn:aws:sqs:eu-west-1:123456789012:annotate-dead" }
    thumbnail = { arn = "arn:aws:sqs:eu-west-1:123456789012:thumbnail", dead_arn = "arn:aws:sqs:eu-west-1:123456789012:thumbnail-dead" }
    anonymise = { arn = "arn:aws:sqs:eu-west-1:123456789012:anonymise", dead_arn = "arn:aws:sqs:eu-west-1:123456789012:anonymise-dead" }
  }
}

run "eventbridge_routes_uploads_to_each_queue" {
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.uploads[0].event_pattern) == { source = ["aws.s3"], "detail-type" = ["Object Created"], detail = { bucket = { name = ["vitrine-pictures"] }, object = { key = [{ prefix = "uploads/" }] } } }
    error_message = "The event pattern is wrong."
  }

  assert {
    condition     = alltrue([for name, queue in var.queues : aws_cloudwatch_event_target.queue[name].arn == queue.arn && aws_cloudwatch_event_target.queue[name].rule == aws_cloudwatch_event_rule.uploads[0].name])
    error_message = "A queue is not a target of the rule."
  }

  assert {
    condition     = aws_s3_bucket_notification.this.eventbridge && length(aws_s3_bucket_notification.this.topic) == 0 && length(aws_sns_topic_subscription.queue) == 0
    error_message = "The bucket does not notify EventBridge only."
  }
}

run "undeliverable_events_go_to_the_dead_letter_queue" {
  assert {
    condition     = alltrue([for name, queue in var.queues : aws_cloudwatch_event_target.queue[name].dead_letter_config[0].arn == queue.dead_arn])
    error_message = "A target has no dead-letter queue, or another one."
  }
}

run "sender_is_the_eventbridge_rule" {
  assert {
    condition     = output.sender.service == "events.amazonaws.com" && output.sender.source_arn == aws_cloudwatch_event_rule.uploads[0].arn
    error_message = "The sender is not the rule."
  }
}

run "sns_routes_uploads_to_each_queue" {
  variables {
    router = "sns"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.uploads) == 0 && length(aws_cloudwatch_event_target.queue) == 0 && length(aws_cloudwatch_event_archive.uploads) == 0 && !aws_s3_bucket_notification.this.eventbridge
    error_message = "EventBridge routes events as well."
  }

  assert {
    condition     = one(aws_s3_bucket_notification.this.topic).topic_arn == module.topic[0].arn && one(aws_s3_bucket_notification.this.topic).filter_prefix == "uploads/" && one(aws_s3_bucket_notification.this.topic).events == toset(["s3:ObjectCreated:*"])
    error_message = "The bucket notification has another topic, prefix or event type."
  }

  assert {
    condition = alltrue([
      for name, queue in var.queues :
      aws_sns_topic_subscription.queue[name].endpoint == queue.arn &&
      aws_sns_topic_subscription.queue[name].raw_message_delivery &&
      aws_sns_topic_subscription.queue[name].filter_policy_scope == "MessageBody" &&
      jsondecode(aws_sns_topic_subscription.queue[name].filter_policy).Records.s3.object.key == [{ prefix = "uploads/" }, { prefix = "uploads%2F" }] &&
      jsondecode(aws_sns_topic_subscription.queue[name].redrive_policy).deadLetterTargetArn == queue.dead_arn
    ])
    error_message = "A subscription has another queue, filter, format or dead-letter queue."
  }

  assert {
    condition     = output.sender.service == "sns.amazonaws.com" && output.sender.source_arn == module.topic[0].arn && output.archive == null
    error_message = "The sender is not the topic, or there is an archive."
  }
}

run "mail_is_formatted_text" {
  variables {
    notification_email = "editor@example.org"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_event_target.mail[0].input_transformer[0].input_template, "\"Object: <key>\"") && strcontains(aws_cloudwatch_event_target.mail[0].input_transformer[0].input_template, "https://photos.example.org/gallery")
    error_message = "The mail does not contain the object key and the URL of the gallery."
  }

  # AWS shows templates of several lines only with text in each: "Amazon EventBridge input transformation",
  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
  assert {
    condition     = alltrue([for line in split("\n", aws_cloudwatch_event_target.mail[0].input_transformer[0].input_template) : length(jsondecode(line)) > 0])
    error_message = "A line of the template is empty."
  }

  assert {
    condition     = aws_cloudwatch_event_target.mail[0].arn == module.mail[0].arn && aws_cloudwatch_event_rule.mail[0].event_pattern == aws_cloudwatch_event_rule.uploads[0].event_pattern
    error_message = "The mail has another topic or event pattern."
  }
}

run "mail_works_with_sns" {
  variables {
    router             = "sns"
    notification_email = "editor@example.org"
  }

  assert {
    condition     = aws_s3_bucket_notification.this.eventbridge && length(aws_s3_bucket_notification.this.topic) == 1 && aws_cloudwatch_event_target.mail[0].arn == module.mail[0].arn && length(aws_cloudwatch_event_target.queue) == 0
    error_message = "Mail is off, or EventBridge routes events to the queues as well."
  }
}

run "rejects_an_unknown_router" {
  command = plan
  variables {
    router = "kafka"
  }
  expect_failures = [var.router]
}

run "rejects_more_queues_than_rule_targets" {
  command = plan
  variables {
    queues = { for number in range(6) : "queue-${number}" => { arn = "arn:aws:sqs:eu-west-1:123456789012:a", dead_arn = "arn:aws:sqs:eu-west-1:123456789012:b" } }
  }
  expect_failures = [var.queues]
}
