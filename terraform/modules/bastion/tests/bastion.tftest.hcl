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

run "only_administrators_come_in" {
  assert {
    condition = sort([for rule in aws_vpc_security_group_ingress_rule.admins : "${rule.cidr_ipv4} ${rule.ip_protocol} ${rule.from_port}-${rule.to_port}"]) == tolist([
      "198.51.100.0/24 tcp 22-22", "203.0.113.7/32 tcp 22-22",
    ])
    error_message = "Others come in, or to other ports."
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0 && length(aws_security_group.this.egress) == 0
    error_message = "The security group has rules beside those named."
  }
}

run "they_get_to_port_22_of_the_web_instances_only" {
  assert {
    condition     = aws_vpc_security_group_egress_rule.web.referenced_security_group_id == "sg-web" && aws_vpc_security_group_egress_rule.web.from_port == 22 && aws_vpc_security_group_egress_rule.web.to_port == 22
    error_message = "The bastion reaches something else."
  }
}

run "it_is_small_and_knows_nothing" {
  assert {
    condition     = aws_instance.this.instance_type == "t4g.nano" && aws_instance.this.subnet_id == "subnet-public" && aws_instance.this.associate_public_ip_address && !startswith(coalesce(aws_instance.this.iam_instance_profile, "none"), "vitrine")
    error_message = "The bastion is large, is not reached, or has a role."
  }

  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.root_block_device[0].encrypted
    error_message = "The metadata service answers without a token, or the disk is not encrypted."
  }

  assert {
    condition     = startswith(aws_key_pair.this.public_key, "ssh-ed25519 ") && !endswith(aws_key_pair.this.public_key, "\n") && aws_instance.this.key_name == aws_key_pair.this.key_name
    error_message = "The administrators' key does not fit."
  }
}

run "refuses_ssh_from_everywhere" {
  command = plan
  variables {
    admin_cidrs = ["0.0.0.0/0"]
  }
  expect_failures = [var.admin_cidrs]
}

run "refuses_a_private_key" {
  command = plan
  variables {
    public_key = "-----BEGIN OPENSSH PRIVATE KEY-----"
  }
  expect_failures = [var.public_key]
}
