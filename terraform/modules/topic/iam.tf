data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "this" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.this.arn]

    principals {
      type        = "Service"
      identifiers = var.services
    }

    dynamic "condition" {
      for_each = length(var.source_arns) > 0 ? {
        StringEquals = { variable = "aws:SourceAccount", values = [data.aws_caller_identity.current.account_id] }
        ArnLike      = { variable = "aws:SourceArn", values = var.source_arns }
      } : {}

      content {
        test     = condition.key
        variable = condition.value.variable
        values   = condition.value.values
      }
    }
  }
}
