mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                     = "vitrine"
  vpc_id                   = "vpc-1"
  subnet_id                = "subnet-private"
  target_security_group_id = "sg-web"
}

run "endpoint_connects_to_ssh_of_the_web_instances_only" {
  assert {
    condition     = aws_ec2_instance_connect_endpoint.this.subnet_id == "subnet-private" && aws_ec2_instance_connect_endpoint.this.security_group_ids == toset([aws_security_group.this.id]) && !aws_ec2_instance_connect_endpoint.this.preserve_client_ip
    error_message = "The endpoint has another subnet or security group, or preserves client addresses."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.web.referenced_security_group_id == "sg-web" && aws_vpc_security_group_egress_rule.web.from_port == 22 && aws_vpc_security_group_egress_rule.web.to_port == 22 && length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0
    error_message = "The endpoint can connect to something else."
  }
}
