data "aws_partition" "current" {}

locals {
  # Account, region and repository of an ECR image; null for other registries.
  registry = try(regex("^(?P<account>[0-9]{12})\\.dkr\\.ecr\\.(?P<region>[a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/(?P<repository>[^@]+)@", var.image), null)

  # What permanent deletion removes with all versions: platform/src/objects/s3/versions.rs.
  purged = ["uploads", "thumbnails", "anonymised"]
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  # All folders of platform/src/objects/key.rs. The web process stores uploads, and renditions when it
  # restores a backup. A direct upload to pending/ has the permissions of the role that signed its URL.
  statement {
    sid       = "Pictures"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = [for area in ["uploads", "thumbnails", "anonymised", "pending"] : "${var.bucket_arn}/${area}/*"]
  }

  statement {
    sid       = "ListPictures"
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]
  }

  statement {
    sid       = "PurgePictures"
    actions   = ["s3:DeleteObjectVersion"]
    resources = [for area in local.purged : "${var.bucket_arn}/${area}/*"]
  }

  statement {
    sid       = "ListVersions"
    actions   = ["s3:ListBucketVersions"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for area in local.purged : "${area}/*"]
    }
  }

  statement {
    sid       = "RetrySteps"
    actions   = ["sqs:SendMessage"]
    resources = var.queue_arns
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = var.secret_arns
  }

  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = flatten([for group in aws_cloudwatch_log_group.this : [group.arn, "${group.arn}:*"]])
  }

  # The collector sends metrics as log events, of which CloudWatch makes metrics. This is for exporters that
  # call CloudWatch itself. The action has no resources, only the namespace.
  statement {
    sid       = "Metrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = [local.namespace]
    }
  }

  # AWS supports no resource-level permissions for these actions.
  statement {
    sid       = "Traces"
    actions   = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = local.registry == null ? [] : [local.registry]

    content {
      sid     = "Image"
      actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [
        "arn:${data.aws_partition.current.partition}:ecr:${statement.value.region}:${statement.value.account}:repository/${statement.value.repository}",
      ]
    }
  }

  # The same holds for the login to the registry.
  dynamic "statement" {
    for_each = local.registry == null ? [] : [local.registry]

    content {
      sid       = "Registry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"]
    }
  }

  # The same holds for the SSM agent. The AWS managed policy would also allow reading all parameters.
  dynamic "statement" {
    for_each = var.session_manager ? [true] : []

    content {
      sid = "SessionManager"
      actions = [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
      ]
      resources = ["*"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${local.name}-web"
  description        = "Permissions of the web instances"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "this" {
  name   = "serve"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_iam_instance_profile" "this" {
  name = "${local.name}-web"
  role = aws_iam_role.this.name
}
