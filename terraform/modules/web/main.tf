locals {
  name   = var.name
  groups = { for source in ["web", "collector", "metrics"] : source => "/${var.name}/${source}" }

  # CloudWatch namespace of the metrics.
  namespace = "Vitrine/${var.name}"
}

data "aws_region" "current" {}

# The newest AMI at plan time. A new AMI shows in the plan and is rolled out like any change.
data "aws_ssm_parameter" "ami" {
  count = var.ami_id == null ? 1 : 0

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

module "user_data" {
  source = "../user_data"

  image           = var.image
  collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
  region          = data.aws_region.current.id
  log_groups      = local.groups
  namespace       = local.namespace

  # Those before var.environment can be changed with the variable `settings`. CloudWatch's exporter takes
  # the counts of histograms as they come, so they have to be deltas.
  environment = merge({
    OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE = "delta"
    OTEL_TRACES_SAMPLER                               = "parentbased_traceidratio"
    OTEL_TRACES_SAMPLER_ARG                           = "0.05"
    }, var.environment, {
    VITRINE_BIND                = "0.0.0.0:8080"
    VITRINE_DATA                = "/var/lib/vitrine"
    VITRINE_LOG_FORMAT          = "json"
    VITRINE_WORKERS             = "0"
    AWS_REGION                  = data.aws_region.current.id
    OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318"
    OTEL_SERVICE_NAME           = "${local.name}-web"
  })
}

resource "aws_cloudwatch_log_group" "this" {
  for_each = local.groups

  name              = each.value
  retention_in_days = var.log_retention_days
}

resource "aws_launch_template" "this" {
  name        = "${local.name}-web"
  description = "Web instance"

  image_id               = var.ami_id == null ? data.aws_ssm_parameter.ami[0].insecure_value : var.ami_id
  instance_type          = var.instance_type
  key_name               = try(var.ssh.key_name, null)
  vpc_security_group_ids = [aws_security_group.this.id]
  user_data              = base64encode(module.user_data.script)

  iam_instance_profile {
    arn = aws_iam_instance_profile.this.arn
  }

  # With a hop limit of 1, containers on a bridge network cannot reach the metadata service.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  monitoring {
    enabled = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = 16 # Uploads are buffered on disk.
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.key
      tags          = merge(var.tags, { Name = "${local.name}-web" })
    }
  }
}

resource "aws_autoscaling_group" "this" {
  name                = "${local.name}-web"
  vpc_zone_identifier = var.network.subnet_ids
  target_group_arns   = [var.target_group.arn]

  min_size         = var.capacity.min
  desired_capacity = var.capacity.desired
  max_size         = var.capacity.max

  # The grace period lets a new instance install Docker and start.
  health_check_type         = "ELB"
  health_check_grace_period = 300
  default_instance_warmup   = 180
  termination_policies      = ["OldestLaunchTemplate", "Default"]

  enabled_metrics = [
    "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
    "GroupTerminatingInstances", "GroupTotalInstances",
  ]

  launch_template {
    id      = aws_launch_template.this.id
    version = tostring(aws_launch_template.this.latest_version)
  }

  tag {
    key                 = "Name"
    value               = "${local.name}-web"
    propagate_at_launch = false
  }

  depends_on = [aws_iam_role_policy.this]

  lifecycle {
    # The scaling policies change the capacity. The version is changed by a successful instance refresh,
    # which make deploy starts: AWS rolls back to the version of the group, so it has to stay the old
    # one until then (hashicorp/terraform-provider-aws#34189).
    ignore_changes = [desired_capacity, launch_template]
  }
}

# Delays the termination of an instance until its requests in progress are finished.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = "drain"
  autoscaling_group_name = aws_autoscaling_group.this.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = 90
  default_result         = "CONTINUE"
}
