mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name  = "vitrine"
  zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
}

run "each_zone_has_a_subnet_of_each_type" {
  assert {
    condition = alltrue([
      for kind in [aws_subnet.public, aws_subnet.private, aws_subnet.database] :
      sort([for subnet in kind : subnet.availability_zone]) == tolist(["eu-west-1a", "eu-west-1b", "eu-west-1c"])
    ])
    error_message = "A zone is missing."
  }

  assert {
    condition = length(distinct(concat(
      [for subnet in aws_subnet.public : subnet.cidr_block],
      [for subnet in aws_subnet.private : subnet.cidr_block],
      [for subnet in aws_subnet.database : subnet.cidr_block],
    ))) == 9
    error_message = "Subnets overlap."
  }

  assert {
    condition     = aws_subnet.private["eu-west-1b"].cidr_block == "10.20.32.0/19" && aws_subnet.public["eu-west-1a"].cidr_block == "10.20.192.0/22" && aws_subnet.database["eu-west-1c"].cidr_block == "10.20.216.0/22"
    error_message = "The CIDR blocks have changed; existing subnets would be replaced."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.public : subnet.map_public_ip_on_launch == false])
    error_message = "Public subnets assign public addresses."
  }
}

run "private_subnets_use_the_nat_gateway_of_their_zone" {
  assert {
    condition     = alltrue([for zone, route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.this[zone].id && route.route_table_id == aws_route_table.private[zone].id])
    error_message = "A zone depends on another zone's NAT gateway."
  }

  assert {
    condition     = alltrue([for zone, gateway in aws_nat_gateway.this : gateway.subnet_id == aws_subnet.public[zone].id])
    error_message = "A NAT gateway is not in the public subnet of its zone."
  }
}

run "single_nat_gateway_serves_all_zones" {
  variables {
    nat = "single"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 1 && length(aws_eip.nat) == 1
    error_message = "There is more than one NAT gateway."
  }

  assert {
    condition     = length(aws_route.nat) == 3 && alltrue([for route in aws_route.nat : route.nat_gateway_id == aws_nat_gateway.this["eu-west-1a"].id])
    error_message = "A zone has no route through the NAT gateway."
  }
}

run "database_subnets_have_no_internet_route" {
  assert {
    condition     = alltrue([for association in aws_route_table_association.database : association.route_table_id == aws_route_table.database.id])
    error_message = "A database subnet uses another route table."
  }

  assert {
    condition     = !contains(concat([aws_route.internet.route_table_id], [for route in aws_route.nat : route.route_table_id]), aws_route_table.database.id)
    error_message = "The database subnets have a route to the internet."
  }
}

run "interface_endpoints_accept_https_from_the_vpc_only" {
  variables {
    interface_endpoints = ["secretsmanager", "sqs"]
  }

  assert {
    condition     = toset(keys(aws_vpc_endpoint.interface)) == toset(["secretsmanager", "sqs"]) && aws_vpc_endpoint.interface["sqs"].private_dns_enabled
    error_message = "An endpoint or its private DNS is missing."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints[0].cidr_ipv4 == "10.20.0.0/16" && aws_vpc_security_group_ingress_rule.endpoints[0].from_port == 443 && aws_vpc_security_group_ingress_rule.endpoints[0].to_port == 443
    error_message = "The endpoints accept connections from elsewhere."
  }
}

# "Data ingestion and archival charges for vended logs apply when you publish flow logs to CloudWatch Logs."
# AWS Transit Gateway Flow Logs records in Amazon CloudWatch Logs (the same charges as for a VPC),
# https://docs.aws.amazon.com/vpc/latest/tgw/flow-logs-cwl.html
run "flow_logs_have_rejected_traffic_only_and_a_retention" {
  assert {
    condition     = aws_flow_log.this.traffic_type == "REJECT" && aws_flow_log.this.log_destination == aws_cloudwatch_log_group.flow.arn && aws_cloudwatch_log_group.flow.retention_in_days == 30
    error_message = "Flow logs are incomplete or have no retention."
  }

  assert {
    condition     = alltrue([for resource in data.aws_iam_policy_document.flow.statement[0].resources : startswith(resource, aws_cloudwatch_log_group.flow.arn)])
    error_message = "The role may write to other log groups."
  }
}

run "rejects_a_small_cidr" {
  command = plan
  variables {
    cidr = "10.20.0.0/24"
  }
  expect_failures = [var.cidr]
}

run "rejects_two_zones" {
  command = plan
  variables {
    zones = ["eu-west-1a", "eu-west-1b"]
  }
  expect_failures = [var.zones]
}

run "rejects_an_unknown_nat" {
  command = plan
  variables {
    nat = "none"
  }
  expect_failures = [var.nat]
}

run "rejects_an_interface_endpoint_for_s3" {
  command = plan
  variables {
    interface_endpoints = ["s3"]
  }
  expect_failures = [var.interface_endpoints]
}

run "rejects_an_unsupported_retention" {
  command = plan
  variables {
    flow_log_retention_days = 45
  }
  expect_failures = [var.flow_log_retention_days]
}
