resource "aws_security_group" "this" {
  name        = "${local.name}-web"
  description = "Web instances: reached through the load balancer only"
  vpc_id      = var.network.vpc_id

  tags = { Name = "${local.name}-web" }
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer" {
  security_group_id            = aws_security_group.this.id
  description                  = "Requests through the load balancer"
  referenced_security_group_id = var.network.load_balancer_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 8080
  to_port                      = 8080
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = var.ssh == null ? {} : var.ssh.security_group_ids

  security_group_id            = aws_security_group.this.id
  description                  = "SSH through ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "AWS services, container images and updates"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "database" {
  security_group_id            = aws_security_group.this.id
  description                  = "Database"
  referenced_security_group_id = var.network.database_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = var.network.database_port
  to_port                      = var.network.database_port
}
