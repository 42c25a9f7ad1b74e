# The key of the topics. AWS services can publish to encrypted topics only with a key whose policy names them.
resource "aws_kms_key" "topics" {
  description             = "SNS topics of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 14
  policy                  = data.aws_iam_policy_document.topics_key.json
}

resource "aws_kms_alias" "topics" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.topics.key_id
}

locals {
  # A condition on the source account would silently drop the messages of these.
  anonymous_publishers = concat(
    var.event_router == "sns" ? ["s3.amazonaws.com"] : [],
    var.notification_email != null ? ["events.amazonaws.com"] : [],
  )
}

# In a key policy, "*" means this key.
data "aws_iam_policy_document" "topics_key" {
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  statement {
    sid       = "Alarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  dynamic "statement" {
    for_each = length(local.anonymous_publishers) > 0 ? [local.anonymous_publishers] : []

    content {
      sid       = "Uploads"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
      resources = ["*"]

      principals {
        type        = "Service"
        identifiers = statement.value
      }
    }
  }
}
