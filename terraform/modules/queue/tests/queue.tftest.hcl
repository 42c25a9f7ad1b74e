mock_provider "aws" {
  source = "../../tests/mocks"
}

override_resource {
  target = aws_sqs_queue.this
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:vitrine-annotate", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/vitrine-annotate" }
}

override_resource {
  target = aws_sqs_queue.dead
  values = { arn = "arn:aws:sqs:eu-west-1:123456789012:vitrine-annotate-dead", url = "https://sqs.eu-west-1.amazonaws.com/123456789012/vitrine-annotate-dead" }
}

variables {
  name             = "vitrine-annotate"
  function_timeout = 150
  sender = {
    service    = "events.amazonaws.com"
    source_arn = "arn:aws:events:eu-west-1:123456789012:rule/vitrine-uploads"
  }
}

run "visibility_timeout_is_six_times_the_function_timeout" {
  assert {
    condition     = aws_sqs_queue.this.visibility_timeout_seconds == 900
    error_message = "The visibility timeout is not six times the function's timeout."
  }
}

run "fifth_failed_receive_moves_to_the_dead_letter_queue" {
  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy).maxReceiveCount == 5 && output.max_receive_count == 5 && jsondecode(aws_sqs_queue.this.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead.arn
    error_message = "The redrive policy is wrong."
  }

  assert {
    condition     = aws_sqs_queue.dead.message_retention_seconds == 1209600 && aws_sqs_queue.this.message_retention_seconds < aws_sqs_queue.dead.message_retention_seconds
    error_message = "Dead letters are not kept for two weeks."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy).redrivePermission == "byQueue" && jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy).sourceQueueArns[0] == aws_sqs_queue.this.arn
    error_message = "Other queues may use the dead-letter queue."
  }
}

run "rejects_a_timeout_above_the_lambda_maximum" {
  command = plan
  variables {
    function_timeout = 901
  }
  expect_failures = [var.function_timeout]
}

run "rejects_an_invalid_sender" {
  command = plan
  variables {
    sender = { service = "events", source_arn = "arn:aws:events:eu-west-1:123456789012:rule/vitrine-uploads" }
  }
  expect_failures = [var.sender]
}
