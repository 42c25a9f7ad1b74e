resource "aws_sqs_queue" "this" {
  name                    = var.name
  sqs_managed_sse_enabled = true

  # Four days to mend what is broken before messages are lost.
  message_retention_seconds = 4 * 24 * 3600
  receive_wait_time_seconds = 20

  # AWS's advice: six times what the function may take, and the time in which a batch is collected,
  # so that a message that is still in work is not handed out again when functions are throttled.
  visibility_timeout_seconds = 6 * var.function_timeout + var.batching_window

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = var.max_receive_count
  })
}

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 14 * 24 * 3600
}

# No other queue may leave its dead letters here.
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this.arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queues

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.this[each.key].json
}
