module "topic" {
  source = "../topic"
  count  = local.eventbridge ? 0 : 1

  name        = "${local.name}-objects"
  kms_key_arn = var.kms_key_arn
  publishers  = { "s3.amazonaws.com" = [var.bucket.arn] }
}

# The filter repeats that of the bucket's notification, and leaves out the message with which S3
# tests the topic.
resource "aws_sns_topic_subscription" "queue" {
  for_each = { for name, queue in var.queues : name => queue if !local.eventbridge }

  topic_arn            = module.topic[0].arn
  protocol             = "sqs"
  endpoint             = each.value.arn
  raw_message_delivery = true
  filter_policy_scope  = "MessageBody"

  # In these messages, keys are encoded as in forms; AWS does not say whether the slash is too.
  filter_policy = jsonencode({
    Records = { s3 = { object = { key = [{ prefix = local.prefix }, { prefix = urlencode(local.prefix) }] } } }
  })

  redrive_policy = jsonencode({ deadLetterTargetArn = each.value.dead_arn })
}
