mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                     = "vitrine"
  vpc_id                   = "vpc-1"
  subnet_id                = "subnet-public"
  admin_cidrs              = ["203.0.113.7/32", "198.51.100.0/24"]
  public_key               = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEV4YW1wbGVFeGFtcGxlRXhhbXBsZUV4YW1wbGVFeGFt admin@example.org\n"
  target_security_group_id = "sg-web"
}

run "ssh_is_allowed_from_admin_cidrs_only" {
  assert {
    condition = sort([for rule in aws_vpc_security_group_ingress_rule.admins : "${rule.cidr_ipv4} ${rule.ip_protocol} ${rule.from_port}-${rule.to_port}"]) == tolist([
      "198.51.100.0/24 tcp 22-22", "203.0.113.7/32 tcp 22-22",
    ])
    error_message = "Other addresses or ports are open."
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0
    error_message = "The security group has inline rules."
  }
}

run "rejects_ssh_from_anywhere" {
  command = plan
  variables {
    admin_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.admin_cidrs]
}

run "rejects_a_private_key" {
  command = plan
  variables {
    public_key = "-----BEGIN OPENSSH PRIVATE KEY-----"
  }
  expect_failures = [var.public_key]
}
