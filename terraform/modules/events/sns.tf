module "topic" {
  source = "../topic"
  count  = local.eventbridge ? 0 : 1

  name        = "${local.name}-objects"
  kms_key_arn = var.kms_key_arn
  services    = ["s3.amazonaws.com"]
  source_arns = [var.bucket.arn]
}

# The filter repeats the prefix of the bucket notification, and drops the test event that S3 sends.
resource "aws_sns_topic_subscription" "queue" {
  for_each = { for name, queue in var.queues : name => queue if !local.eventbridge }

  topic_arn            = module.topic[0].arn
  protocol             = "sqs"
  endpoint             = each.value.arn
  raw_message_delivery = true
  filter_policy_scope  = "MessageBody"

  # Keys in these messages are form-encoded; AWS does not document whether the slash is too.
  filter_policy = jsonencode({
    Records = { s3 = { object = { key = [{ prefix = local.prefix }, { prefix = urlencode(local.prefix) }] } } }
  })

  redrive_policy = jsonencode({ deadLetterTargetArn = each.value.dead_arn })
}
