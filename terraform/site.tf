module "load_balancer" {
  source = "./modules/load_balancer"

  name                  = local.name
  vpc_id                = module.network.vpc_id
  subnet_ids            = values(module.network.public_subnet_ids)
  web_security_group_id = module.web.security_group_id
  allowed_cidrs         = var.allowed_cidrs
  certificate_arn       = var.certificate_arn
  domain                = var.domain
  log_bucket            = module.logs.name
  rate_limit            = var.rate_limit
  deletion_protection   = var.deletion_protection
  log_retention_days    = var.log_retention_days

  # Creating the load balancer writes a test object, which the bucket policy must already allow.
  depends_on = [module.logs]
}

module "web" {
  source = "./modules/web"

  name        = local.name
  tags        = local.tags
  image       = var.image
  bucket_arn  = module.pictures.arn
  queue_arns  = [for queue in module.queue : queue.arn]
  secret_arns = concat([module.database.secret_arn, local.secret_arns["admin-password"]], local.captioner_secrets)

  environment = merge(local.settings, local.captioner_settings, {
    VITRINE_ADMIN_PASSWORD_SECRET_ARN = local.secret_arns["admin-password"]
    ADMIN_PASSWORD_VERSION            = tostring(var.secret_versions.admin_password)
    DATABASE_MAX_CONNECTIONS          = tostring(min(10, floor((0.9 * local.database_connections - local.function_connections) / ceil(1.5 * var.web.capacity.max)) - 1))
    # The load balancer's own addresses change, its subnets do not.
    VITRINE_TRUSTED_PROXIES = join(",", module.network.public_cidrs)
  })

  network = {
    vpc_id                          = module.network.vpc_id
    subnet_ids                      = local.private
    load_balancer_security_group_id = module.load_balancer.security_group_id
    database_security_group_id      = module.database.security_group_id
    database_port                   = module.database.port
  }

  target_group = {
    arn                      = module.load_balancer.target_group_arn
    arn_suffix               = module.load_balancer.target_group_arn_suffix
    load_balancer_arn_suffix = module.load_balancer.arn_suffix
  }

  instance_type      = var.web.instance_type
  ami_id             = var.web.ami_id
  capacity           = var.web.capacity
  scaling            = var.web.scaling
  session_manager    = var.shell_access == "session_manager"
  log_retention_days = var.log_retention_days

  ssh = contains(["bastion", "instance_connect"], var.shell_access) ? {
    security_group_ids = merge(
      { for bastion in module.bastion : "bastion" => bastion.security_group_id },
      { for group in aws_security_group.instance_connect : "instance-connect" => group.id },
    )
    key_name = one(module.bastion[*].key_name)
  } : null
}

module "bastion" {
  source = "./modules/bastion"
  count  = var.shell_access == "bastion" ? 1 : 0

  name                     = local.name
  tags                     = local.tags
  vpc_id                   = module.network.vpc_id
  subnet_id                = values(module.network.public_subnet_ids)[0]
  admin_cidrs              = var.admin_cidrs
  public_key               = var.ssh_public_key
  target_security_group_id = module.web.security_group_id
}

# Connections through the endpoint come from its security group, which the instances allow.
resource "aws_ec2_instance_connect_endpoint" "this" {
  count = var.shell_access == "instance_connect" ? 1 : 0

  subnet_id          = local.private[0]
  security_group_ids = [aws_security_group.instance_connect[0].id]
  preserve_client_ip = false

  tags = { Name = local.name }
}

resource "aws_security_group" "instance_connect" {
  count = var.shell_access == "instance_connect" ? 1 : 0

  name        = "${local.name}-instance-connect"
  description = "The Instance Connect endpoint: SSH out to the web instances"
  vpc_id      = module.network.vpc_id

  tags = { Name = "${local.name}-instance-connect" }
}

resource "aws_vpc_security_group_egress_rule" "instance_connect" {
  count = var.shell_access == "instance_connect" ? 1 : 0

  security_group_id            = aws_security_group.instance_connect[0].id
  description                  = "SSH to the web instances"
  referenced_security_group_id = module.web.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}
