data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  # Written down here, because the policy comes before the function.
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

  # Sending: a message that has to wait longer than its visibility goes back as a delayed copy.
  # Changing the visibility: one that can be tried again soon does not wait six timeouts.
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

  # Without it, S3 says "forbidden" of an object that is not there.
  statement {
    sid       = "TellMissingFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
  }

  # Whichever function notices that an image was deleted meanwhile removes what was made from it.
  statement {
    sid       = "RemoveRenditions"
    actions   = ["s3:DeleteObject"]
    resources = ["${var.bucket_arn}/thumbnails/*", "${var.bucket_arn}/anonymised/*"]
  }

  dynamic "statement" {
    for_each = length(var.writes) > 0 ? [var.writes] : []

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

  # AWS takes no resources for these.
  statement {
    sid       = "Traces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  # Lambda needs this to connect the function with the VPC, and AWS takes no resources here either.
  statement {
    sid       = "Network"
    actions   = local.network_actions
    resources = ["*"]
  }

  # The function's own code does not need it.
  statement {
    sid       = "NetworkNotForTheCode"
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
  description        = "What the function ${local.name} may do"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}
