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

run "eventbridge_tells_each_queue_of_uploads" {
  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.uploads[0].event_pattern) == { source = ["aws.s3"], "detail-type" = ["Object Created"], detail = { bucket = { name = ["vitrine-pictures"] }, object = { key = [{ prefix = "uploads/" }] } } }
    error_message = "The rule is for other events."
  }

  assert {
    condition     = alltrue([for name, queue in var.queues : aws_cloudwatch_event_target.queue[name].arn == queue.arn && aws_cloudwatch_event_target.queue[name].rule == aws_cloudwatch_event_rule.uploads[0].name])
    error_message = "A queue hears nothing."
  }

  assert {
    condition     = aws_s3_bucket_notification.this.eventbridge && length(aws_s3_bucket_notification.this.topic) == 0 && length(aws_sns_topic_subscription.queue) == 0
    error_message = "The bucket does not tell EventBridge, or tells a topic as well."
  }
}

run "what_cannot_be_delivered_waits_with_the_functions_dead_letters" {
  assert {
    condition     = alltrue([for name, queue in var.queues : aws_cloudwatch_event_target.queue[name].dead_letter_config[0].arn == queue.dead_arn])
    error_message = "Events get lost."
  }
}

run "uploads_can_be_replayed" {
  assert {
    condition     = aws_cloudwatch_event_archive.uploads[0].event_pattern == aws_cloudwatch_event_rule.uploads[0].event_pattern && aws_cloudwatch_event_archive.uploads[0].retention_days == 14 && aws_cloudwatch_event_archive.uploads[0].event_source_arn == "arn:aws:events:eu-west-1:123456789012:event-bus/default"
    error_message = "The archive keeps other events."
  }
}

run "nobody_gets_mail_unless_asked_for" {
  assert {
    condition     = length(aws_cloudwatch_event_rule.mail) == 0 && length(module.mail) == 0
    error_message = "There is a rule for mail."
  }
}

run "the_queues_know_their_sender" {
  assert {
    condition     = output.sender.service == "events.amazonaws.com" && output.sender.source_arn == aws_cloudwatch_event_rule.uploads[0].arn
    error_message = "The queues would refuse the rule."
  }
}

run "sns_tells_each_queue_of_uploads" {
  variables {
    router = "sns"
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.uploads) == 0 && length(aws_cloudwatch_event_target.queue) == 0 && length(aws_cloudwatch_event_archive.uploads) == 0 && !aws_s3_bucket_notification.this.eventbridge
    error_message = "EventBridge tells the queues as well."
  }

  assert {
    condition     = one(aws_s3_bucket_notification.this.topic).topic_arn == module.topic[0].arn && one(aws_s3_bucket_notification.this.topic).filter_prefix == "uploads/" && one(aws_s3_bucket_notification.this.topic).events == toset(["s3:ObjectCreated:*"])
    error_message = "The bucket tells the topic something else."
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
    error_message = "A queue hears nothing, of other objects, or loses messages."
  }

  assert {
    condition     = output.sender.service == "sns.amazonaws.com" && output.sender.source_arn == module.topic[0].arn && output.archive == null
    error_message = "The queues would refuse the topic."
  }
}

run "a_mail_is_a_text_for_people" {
  variables {
    notification_email = "editor@example.org"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_event_target.mail[0].input_transformer[0].input_template, "\"Object: <key>\"") && strcontains(aws_cloudwatch_event_target.mail[0].input_transformer[0].input_template, "https://photos.example.org/gallery")
    error_message = "The mail does not say what was uploaded, or where to look."
  }

  assert {
    condition     = aws_cloudwatch_event_target.mail[0].arn == module.mail[0].arn && aws_cloudwatch_event_rule.mail[0].event_pattern == aws_cloudwatch_event_rule.uploads[0].event_pattern
    error_message = "There is mail for other events."
  }
}

run "there_is_mail_with_sns_too" {
  variables {
    router             = "sns"
    notification_email = "editor@example.org"
  }

  assert {
    condition     = aws_s3_bucket_notification.this.eventbridge && length(aws_s3_bucket_notification.this.topic) == 1 && aws_cloudwatch_event_target.mail[0].arn == module.mail[0].arn && length(aws_cloudwatch_event_target.queue) == 0
    error_message = "There is no mail, or the queues hear everything twice."
  }
}

run "refuses_an_unknown_router" {
  command = plan
  variables {
    router = "kafka"
  }
  expect_failures = [var.router]
}

run "refuses_more_queues_than_a_rule_has_targets" {
  command = plan
  variables {
    queues = { for number in range(6) : "queue-${number}" => { arn = "arn:aws:sqs:eu-west-1:123456789012:a", dead_arn = "arn:aws:sqs:eu-west-1:123456789012:b" } }
  }
  expect_failures = [var.queues]
}

run "refuses_to_keep_events_forever" {
  command = plan
  variables {
    archive_days = 0
  }
  expect_failures = [var.archive_days]
}
