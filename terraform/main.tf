data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

# Excludes local zones and Wavelength zones, which need an opt-in.
data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.names) >= 3
      error_message = "This account has ${length(self.names)} availability zones in ${data.aws_region.current.id}, and Vitrine needs three. Choose another region."
    }
  }
}

locals {
  name = var.name
  tags = merge({ Project = var.name, ManagedBy = "terraform" }, var.tags)

  # Bucket names are globally unique.
  suffix   = "${data.aws_caller_identity.current.account_id}-${data.aws_region.current.id}"
  logs_arn = "arn:${data.aws_partition.current.partition}:s3:::${local.name}-logs-${local.suffix}"
  private  = values(module.network.private_subnet_ids)
}

module "network" {
  source = "./modules/network"

  name                    = local.name
  cidr                    = var.network.cidr
  nat                     = var.network.nat
  interface_endpoints     = var.network.interface_endpoints
  zones                   = coalesce(var.zones, slice(sort(data.aws_availability_zones.available.names), 0, 3))
  flow_log_retention_days = var.log_retention_days
}

module "database" {
  source = "./modules/database"

  name       = local.name
  vpc_id     = module.network.vpc_id
  subnet_ids = values(module.network.database_subnet_ids)

  clients = merge(
    { web = module.web.security_group_id },
    { for name, function in module.function : name => function.security_group_id },
  )

  engine                 = var.database.engine
  engine_version         = var.database.engine_version
  instance_class         = var.database.instance_class
  multi_az               = var.database.multi_az
  storage                = var.database.storage
  backup_retention_days  = var.database.backup_retention_days
  password_rotation_days = var.database.password_rotation_days
  performance_insights   = var.database.performance_insights
  apply_immediately      = var.database.apply_immediately
  snapshot_identifier    = var.database.snapshot_identifier
  deletion_protection    = var.deletion_protection
  log_retention_days     = var.log_retention_days
}

module "logs" {
  source = "./modules/bucket"

  name            = "${local.name}-logs-${local.suffix}"
  expiration_days = 90
  noncurrent_days = 1
  force_destroy   = true

  policy = data.aws_iam_policy_document.log_delivery.json
}

# Load balancers send no source ARN. Their prefix has the account ID instead.
data "aws_iam_policy_document" "log_delivery" {
  statement {
    actions   = ["s3:PutObject"]
    resources = ["${local.logs_arn}/alb/AWSLogs/${data.aws_caller_identity.current.account_id}/*"]

    principals {
      type        = "Service"
      identifiers = ["logdelivery.elasticloadbalancing.amazonaws.com"]
    }
  }

  statement {
    actions   = ["s3:PutObject"]
    resources = ["${local.logs_arn}/s3/*"]

    principals {
      type        = "Service"
      identifiers = ["logging.s3.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:s3:::${local.name}-pictures-${local.suffix}"]
    }
  }
}

module "pictures" {
  source = "./modules/bucket"

  name            = "${local.name}-pictures-${local.suffix}"
  noncurrent_days = var.deleted_pictures_days
  force_destroy   = var.delete_pictures
  log_bucket      = module.logs.name
}

# The bucket that an earlier deployment of this name left. Only the bucket itself is imported: all its
# settings can be applied again.
import {
  for_each = var.take_over_pictures ? toset(["${local.name}-pictures-${local.suffix}"]) : toset([])

  to = module.pictures.aws_s3_bucket.this
  id = each.key
}

module "observability" {
  source = "./modules/observability"

  name               = local.name
  kms_key_arn        = aws_kms_key.topics.arn
  emails             = var.alarms.emails
  limits             = merge(var.alarms.limits, { database_connections = coalesce(var.alarms.limits.database_connections, floor(0.8 * local.database_connections)) })
  monthly_budget_usd = var.alarms.monthly_budget_usd
  caption_price      = var.caption_price
  database           = module.database.identifier

  web = {
    autoscaling_group        = module.web.autoscaling_group
    namespace                = module.web.namespace
    load_balancer_arn_suffix = module.load_balancer.arn_suffix
    target_group_arn_suffix  = module.load_balancer.target_group_arn_suffix
  }

  functions = {
    for key, function in module.function : key => {
      name       = function.name
      log_group  = function.log_group
      queue      = module.queue[key].name
      dead_queue = module.queue[key].dead_name
    }
  }
}
