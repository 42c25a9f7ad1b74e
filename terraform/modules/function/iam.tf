data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Composed here, because the policy is created before the function.
  arn = "arn:${data.aws_partition.current.partition}:lambda:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:function:${local.name}"

  network_actions = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
  ]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  # SendMessage: a message that has to wait longer than a visibility timeout is sent again with a
  # delay. ChangeMessageVisibility: a retry can come sooner than after the visibility timeout.
  statement {
    sid = "Queue"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = [var.queue_arn]
  }

  statement {
    sid       = "ReadOriginals"
    actions   = ["s3:GetObject"]
    resources = ["${var.bucket_arn}/uploads/*"]
  }

  # Without this permission, S3 answers 403 instead of 404 for missing objects.
  statement {
    sid       = "DetectMissingObjects"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
  }

  # A function that finds its image deleted removes all renditions of it.
  statement {
    sid       = "RemoveRenditions"
    actions   = ["s3:DeleteObject"]
    resources = ["${var.bucket_arn}/thumbnails/*", "${var.bucket_arn}/anonymised/*"]
  }

  dynamic "statement" {
    for_each = length(var.write_prefixes) > 0 ? [var.write_prefixes] : []

    content {
      sid       = "WriteRenditions"
      actions   = ["s3:PutObject"]
      resources = [for prefix in statement.value : "${var.bucket_arn}/${prefix}*"]
    }
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = var.secret_arns
  }

  # AWS supports no resource-level permissions for these actions.
  statement {
    sid       = "Traces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  # Lambda needs this to attach the function to the VPC. No resource-level permissions here either.
  statement {
    sid       = "Network"
    actions   = local.network_actions
    resources = ["*"]
  }

  # The code of the function does not need them.
  statement {
    sid       = "DenyNetworkToFunctionCode"
    effect    = "Deny"
    actions   = local.network_actions
    resources = ["*"]

    condition {
      test     = "ArnEquals"
      variable = "lambda:SourceFunctionArn"
      values   = [local.arn]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = local.name
  description        = "Permissions of the function ${local.name}"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
