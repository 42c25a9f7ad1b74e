resource "aws_ec2_instance_connect_endpoint" "this" {
  subnet_id          = var.subnet_id
  security_group_ids = [aws_security_group.this.id]

  # Connections then come from the endpoint, whose security group the instances allow.
  preserve_client_ip = false

  tags = { Name = var.name }
}

resource "aws_security_group" "this" {
  name        = "${var.name}-instance-connect"
  description = "The Instance Connect endpoint: SSH out to the web instances"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-instance-connect" }
}

resource "aws_vpc_security_group_egress_rule" "web" {
  security_group_id            = aws_security_group.this.id
  description                  = "SSH to the web instances"
  referenced_security_group_id = var.target_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}
