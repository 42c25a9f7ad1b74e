locals {
  name = "${var.name}-bastion"
}

data "aws_ssm_parameter" "ami" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

# Instances get the key pair only when they are created. The name depends on the key, so that a new
# key replaces the instances.
resource "aws_key_pair" "this" {
  key_name   = "${var.name}-${substr(sha256(trimspace(var.public_key)), 0, 8)}"
  public_key = trimspace(var.public_key)

  lifecycle {
    create_before_destroy = true
  }
}

# The bastion only forwards SSH: it has no IAM role, no secrets and no additional software. A newer AMI
# replaces it at the next apply.
resource "aws_instance" "this" {
  ami                         = data.aws_ssm_parameter.ami.insecure_value
  instance_type               = "t4g.nano"
  key_name                    = aws_key_pair.this.key_name
  subnet_id                   = var.subnet_id
  vpc_security_group_ids      = [aws_security_group.this.id]
  associate_public_ip_address = true
  ebs_optimized               = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 8
    encrypted   = true
    tags        = merge(var.tags, { Name = local.name })
  }

  tags = { Name = local.name }
}

resource "aws_security_group" "this" {
  name        = local.name
  description = "The bastion: SSH in from administrators, SSH out to the web instances"
  vpc_id      = var.vpc_id

  tags = { Name = local.name }
}

resource "aws_vpc_security_group_ingress_rule" "admins" {
  for_each = var.admin_cidrs

  security_group_id = aws_security_group.this.id
  description       = "SSH from administrators"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_egress_rule" "web" {
  security_group_id            = aws_security_group.this.id
  description                  = "SSH to the web instances"
  referenced_security_group_id = var.target_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}
