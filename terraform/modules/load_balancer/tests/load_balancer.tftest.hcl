mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                  = "vitrine"
  vpc_id                = "vpc-1"
  subnet_ids            = ["subnet-1", "subnet-2", "subnet-3"]
  web_security_group_id = "sg-web"
  log_bucket            = "vitrine-logs"
}

run "target_group_checks_health" {
  assert {
    condition     = aws_lb_target_group.this.port == 8080 && aws_lb_target_group.this.deregistration_delay == "30" && !aws_lb_target_group.this.stickiness[0].enabled
    error_message = "The port, deregistration delay or stickiness is wrong."
  }

  assert {
    condition = alltrue([for check in aws_lb_target_group.this.health_check :
      check.path == "/health" && check.interval == 30 && check.timeout == 5 && check.healthy_threshold == 2 && check.unhealthy_threshold == 3
    ])
    error_message = "The health check is wrong."
  }
}

run "http_only_without_a_certificate" {
  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "forward" && aws_lb_listener.http.default_action[0].target_group_arn == aws_lb_target_group.this.arn && length(aws_lb_listener.https) == 0
    error_message = "Port 80 does not forward to the instances."
  }

  assert {
    condition     = { for name, rule in aws_vpc_security_group_ingress_rule.visitors : name => "${rule.cidr_ipv4} ${rule.from_port}-${rule.to_port}" } == { "http from 0.0.0.0/0" = "0.0.0.0/0 80-80" }
    error_message = "Other ports or addresses are open."
  }

  assert {
    condition     = startswith(output.url, "http://") && length(aws_route53_record.site) == 0 && length(aws_wafv2_web_acl.this) == 0
    error_message = "There is a DNS record or a web ACL."
  }
}

run "http_redirects_to_https_with_a_certificate" {
  variables {
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].protocol == "HTTPS" && aws_lb_listener.http.default_action[0].redirect[0].port == "443" && aws_lb_listener.http.default_action[0].redirect[0].status_code == "HTTP_301"
    error_message = "Port 80 does not redirect to 443."
  }

  assert {
    condition     = aws_lb_listener.https[0].certificate_arn == "arn:aws:acm:eu-west-1:123456789012:certificate/1" && aws_lb_listener.https[0].ssl_policy == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06" && aws_lb_listener.https[0].default_action[0].target_group_arn == aws_lb_target_group.this.arn
    error_message = "Port 443 does not forward to the instances, or has another certificate or TLS policy."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.visitors : rule.from_port]) == toset([80, 443]) && length(aws_acm_certificate.this) == 0
    error_message = "The open ports are wrong, or a certificate is created."
  }
}

run "domain_gets_a_certificate_and_a_dns_record" {
  variables {
    domain = { name = "photos.example.org", zone_id = "Z1" }
  }

  assert {
    condition     = aws_acm_certificate.this[0].domain_name == "photos.example.org" && aws_acm_certificate.this[0].validation_method == "DNS" && aws_route53_record.proof[0].zone_id == "Z1" && aws_lb_listener.https[0].certificate_arn == aws_acm_certificate_validation.this[0].certificate_arn
    error_message = "The certificate of the domain is not validated and used."
  }

  assert {
    condition     = aws_route53_record.site[0].name == "photos.example.org" && aws_route53_record.site[0].alias[0].name == aws_lb.this.dns_name && output.url == "https://photos.example.org"
    error_message = "The DNS record is not an alias of the load balancer."
  }
}

run "domain_can_use_an_existing_certificate" {
  variables {
    domain          = { name = "photos.example.org", zone_id = "Z1" }
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
  }

  assert {
    condition     = length(aws_acm_certificate.this) == 0 && length(aws_route53_record.proof) == 0 && aws_lb_listener.https[0].certificate_arn == "arn:aws:acm:eu-west-1:123456789012:certificate/1" && length(aws_route53_record.site) == 1
    error_message = "The certificate is not used, or there is no DNS record."
  }
}

run "domain_can_be_managed_outside_route53" {
  variables {
    domain          = { name = "photos.example.org" }
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
  }

  assert {
    condition     = length(aws_route53_record.site) == 0 && output.url == "https://photos.example.org"
    error_message = "There is a DNS record, or the URL is not the one of the domain."
  }
}

run "only_allowed_cidrs_can_connect" {
  variables {
    allowed_cidrs = ["203.0.113.0/24", "198.51.100.7/32"]
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.visitors : rule.cidr_ipv4]) == toset(["203.0.113.0/24", "198.51.100.7/32"])
    error_message = "Other addresses can connect."
  }
}

run "rate_limit_creates_a_web_acl" {
  variables {
    rate_limit = 3000
  }

  assert {
    condition     = one([for rule in aws_wafv2_web_acl.this[0].rule : rule.statement[0].rate_based_statement[0].limit if rule.name == "rate"]) == 3000 && length(aws_wafv2_web_acl.this[0].rule) == 3
    error_message = "The limit or a rule is missing."
  }

  assert {
    condition     = aws_wafv2_web_acl_association.this[0].resource_arn == aws_lb.this.arn && startswith(aws_cloudwatch_log_group.firewall[0].name, "aws-waf-logs-") && length(aws_wafv2_web_acl_logging_configuration.this[0].redacted_fields) == 2
    error_message = "The web ACL is not associated, not logged, or logs cookies."
  }
}

run "rejects_a_single_subnet" {
  command = plan
  variables {
    subnet_ids = ["subnet-1"]
  }
  expect_failures = [var.subnet_ids]
}

run "rejects_an_invalid_cidr" {
  command = plan
  variables {
    allowed_cidrs = ["everywhere"]
  }
  expect_failures = [var.allowed_cidrs]
}

run "rejects_a_certificate_outside_acm" {
  command = plan
  variables {
    certificate_arn = "arn:aws:iam::123456789012:server-certificate/old"
  }
  expect_failures = [var.certificate_arn]
}

run "rejects_a_domain_with_a_scheme" {
  command = plan
  variables {
    domain = { name = "https://photos.example.org", zone_id = "Z1" }
  }
  expect_failures = [var.domain]
}

run "rejects_a_domain_without_zone_and_certificate" {
  command = plan
  variables {
    domain = { name = "photos.example.org" }
  }
  expect_failures = [var.domain]
}

run "rejects_a_low_rate_limit" {
  command = plan
  variables {
    rate_limit = 10
  }
  expect_failures = [var.rate_limit]
}
