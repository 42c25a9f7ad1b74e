locals {
  name        = var.name
  prefix      = "uploads/"
  eventbridge = var.router == "eventbridge"
  mails       = var.notification_email != null

  # Renditions are written to other prefixes, so no function triggers itself.
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

# A bucket has one of these. Mails are made by EventBridge, because only it turns an event into a
# sentence; so it hears of uploads in both cases.
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
