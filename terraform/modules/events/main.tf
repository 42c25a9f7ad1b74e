locals {
  name        = var.name
  prefix      = "uploads/"
  eventbridge = var.router == "eventbridge"
  mails       = var.notification_email != null

  # Functions write to other prefixes, so they do not trigger themselves.
  pattern = jsonencode({
    source        = ["aws.s3"]
    "detail-type" = ["Object Created"]
    detail = {
      bucket = { name = [var.bucket.name] }
      object = { key = [{ prefix = local.prefix }] }
    }
  })
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# A bucket has one notification configuration. EventBridge also gets the events if SNS routes them to
# the queues and mail is on, because only EventBridge can format an event as text.
resource "aws_s3_bucket_notification" "this" {
  bucket      = var.bucket.name
  eventbridge = local.eventbridge || local.mails

  dynamic "topic" {
    for_each = module.topic

    content {
      id            = "uploads"
      topic_arn     = topic.value.arn
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = local.prefix
    }
  }
}
