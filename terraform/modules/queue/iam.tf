locals {
  # With fewer, brief throttling would move messages to the dead-letter queue.
  max_receive_count = 5

  # The sender puts undeliverable messages into the dead-letter queue, so it needs access to both.
  queues = {
    queue = aws_sqs_queue.this
    dead  = aws_sqs_queue.dead
  }
}

data "aws_iam_policy_document" "this" {
  for_each = local.queues

  statement {
    sid       = "Sender"
    actions   = ["sqs:SendMessage"]
    resources = [each.value.arn]

    principals {
      type        = "Service"
      identifiers = [var.sender.service]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [var.sender.source_arn]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
