mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name            = "vitrine"
  tags            = { Project = "vitrine" }
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/vitrine@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
  environment     = { VITRINE_STORAGE = "s3://vitrine-pictures" }
  secret_arns     = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin"]
  bucket_arn      = "arn:aws:s3:::vitrine-pictures"
  queue_arns      = ["arn:aws:sqs:eu-west-1:123456789012:vitrine-annotate"]
  network = {
    vpc_id                          = "vpc-1"
    subnet_ids                      = ["subnet-1", "subnet-2", "subnet-3"]
    load_balancer_security_group_id = "sg-load-balancer"
    database_security_group_id      = "sg-database"
    database_port                   = 5432
  }
  target_group = {
    arn                      = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/vitrine/1"
    arn_suffix               = "targetgroup/vitrine/1"
    load_balancer_arn_suffix = "app/vitrine/1"
  }
}

run "instances_are_hardened" {
  assert {
    condition     = aws_launch_template.this.metadata_options[0].http_tokens == "required" && aws_launch_template.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "The metadata service answers without a token, or to containers."
  }

  assert {
    condition     = aws_launch_template.this.block_device_mappings[0].ebs[0].encrypted == "true" && aws_launch_template.this.block_device_mappings[0].ebs[0].volume_type == "gp3"
    error_message = "The disk is not encrypted."
  }

  assert {
    condition     = aws_launch_template.this.monitoring[0].enabled && aws_launch_template.this.image_id == "ami-0123456789abcdef0" && data.aws_ssm_parameter.ami[0].name == "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
    error_message = "The instances are watched every five minutes only, or are not Amazon Linux 2023."
  }

  assert {
    condition     = aws_launch_template.this.key_name == null && length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "Port 22 is open."
  }
}

run "only_the_load_balancer_reaches_them" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer.referenced_security_group_id == "sg-load-balancer" && aws_vpc_security_group_ingress_rule.load_balancer.from_port == 8080 && aws_vpc_security_group_ingress_rule.load_balancer.to_port == 8080 && length(aws_security_group.this.ingress) == 0
    error_message = "Others reach them."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443 && aws_vpc_security_group_egress_rule.database.referenced_security_group_id == "sg-database" && aws_vpc_security_group_egress_rule.database.from_port == 5432 && length(aws_security_group.this.egress) == 0
    error_message = "They reach something else."
  }
}

run "they_stand_in_three_zones_and_are_judged_by_the_load_balancer" {
  assert {
    condition     = length(aws_autoscaling_group.this.vpc_zone_identifier) == 3 && aws_autoscaling_group.this.health_check_type == "ELB" && aws_autoscaling_group.this.health_check_grace_period == 300
    error_message = "A zone is missing, or sick instances stay."
  }

  assert {
    condition     = aws_autoscaling_group.this.min_size == 2 && aws_autoscaling_group.this.desired_capacity == 2 && aws_autoscaling_group.this.max_size == 6
    error_message = "There are fewer or more."
  }
}

run "a_new_image_is_rolled_out_at_full_capacity" {
  assert {
    condition     = aws_autoscaling_group.this.instance_refresh[0].preferences[0].min_healthy_percentage == 100 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].max_healthy_percentage > 100 && aws_autoscaling_group.this.instance_refresh[0].preferences[0].auto_rollback
    error_message = "Capacity is lost while a new image is rolled out, or a broken one stays."
  }

  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), var.image) && aws_autoscaling_group.this.launch_template[0].version == tostring(aws_launch_template.this.latest_version)
    error_message = "A new image changes nothing."
  }
}

run "instances_finish_what_they_serve" {
  assert {
    condition     = aws_autoscaling_lifecycle_hook.drain.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING" && aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout == 90 && aws_autoscaling_lifecycle_hook.drain.default_result == "CONTINUE"
    error_message = "Instances leave at once."
  }
}

run "the_web_process_knows_where_it_is" {
  assert {
    condition = alltrue([
      for line in [
        "VITRINE_BIND=0.0.0.0:8080", "VITRINE_WORKERS=0", "VITRINE_STORAGE=s3://vitrine-pictures",
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318", "AWS_REGION=eu-west-1",
      ] : strcontains(base64decode(aws_launch_template.this.user_data), "\n${line}\n")
    ])
    error_message = "A setting is missing."
  }
}

run "cpu_is_kept_at_70_percent" {
  assert {
    condition     = aws_autoscaling_policy.cpu[0].target_tracking_configuration[0].target_value == 70 && length(aws_autoscaling_policy.step) == 0 && length(aws_cloudwatch_metric_alarm.step) == 0 && length(aws_autoscaling_policy.requests) == 0
    error_message = "Something else adds and removes instances."
  }
}

run "requests_can_count_as_well" {
  variables {
    scaling = { cpu = 50, requests_per_target = 1000 }
  }

  assert {
    condition     = aws_autoscaling_policy.cpu[0].target_tracking_configuration[0].target_value == 50 && aws_autoscaling_policy.requests[0].target_tracking_configuration[0].target_value == 1000 && aws_autoscaling_policy.requests[0].target_tracking_configuration[0].predefined_metric_specification[0].resource_label == "app/vitrine/1/targetgroup/vitrine/1"
    error_message = "Requests do not count."
  }
}

run "the_classic_pair_adds_above_70_and_removes_below_30" {
  variables {
    scaling = { kind = "steps" }
  }

  assert {
    condition     = aws_autoscaling_policy.step["more"].scaling_adjustment == 1 && aws_autoscaling_policy.step["less"].scaling_adjustment == -1 && alltrue([for policy in aws_autoscaling_policy.step : policy.policy_type == "SimpleScaling" && policy.cooldown == 300]) && length(aws_autoscaling_policy.cpu) == 0
    error_message = "The policies are different."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.step["more"].threshold == 70 && aws_cloudwatch_metric_alarm.step["more"].comparison_operator == "GreaterThanThreshold" && aws_cloudwatch_metric_alarm.step["less"].threshold == 30 && aws_cloudwatch_metric_alarm.step["less"].comparison_operator == "LessThanThreshold"
    error_message = "The thresholds are different."
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.step : alarm.period == 60 && alarm.evaluation_periods == 5 && alarm.datapoints_to_alarm == 4 && contains(alarm.alarm_actions, aws_autoscaling_policy.step[name].arn) && alarm.dimensions == tomap({ AutoScalingGroupName = aws_autoscaling_group.this.name })])
    error_message = "An alarm looks at something else, or does something else."
  }
}

run "they_may_serve_and_nothing_else" {
  assert {
    condition = { for statement in data.aws_iam_policy_document.this.statement : statement.sid => join(" ", sort(statement.resources)) if statement.sid != "Logs" } == {
      Pictures     = "arn:aws:s3:::vitrine-pictures/anonymised/* arn:aws:s3:::vitrine-pictures/thumbnails/* arn:aws:s3:::vitrine-pictures/uploads/*"
      FindPictures = "arn:aws:s3:::vitrine-pictures"
      DoStepsAgain = "arn:aws:sqs:eu-west-1:123456789012:vitrine-annotate"
      Secrets      = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin"
      Traces       = "*"
      Image        = "arn:aws:ecr:eu-west-1:123456789012:repository/team/vitrine"
      Registry     = "*"
    }
    error_message = "They may reach something else."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.this.statement : alltrue([for action in statement.actions : !strcontains(action, "*")])])
    error_message = "An action is not spelt out."
  }
}

run "a_bastion_reaches_port_22" {
  variables {
    ssh = { security_group_ids = { bastion = "sg-bastion" }, key_name = "vitrine" }
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh["bastion"].referenced_security_group_id == "sg-bastion" && aws_vpc_security_group_ingress_rule.ssh["bastion"].from_port == 22 && aws_vpc_security_group_ingress_rule.ssh["bastion"].to_port == 22 && aws_launch_template.this.key_name == "vitrine"
    error_message = "The bastion does not get through, or reaches more."
  }
}

run "session_manager_opens_shells_without_reading_parameters" {
  variables {
    session_manager = true
  }

  assert {
    condition     = length([for statement in data.aws_iam_policy_document.this.statement : statement if statement.sid == "SessionManager" && !contains(statement.actions, "ssm:GetParameter")]) == 1 && length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "Session Manager opens no shells, or port 22 is open."
  }
}

run "an_image_of_your_own_is_used" {
  variables {
    ami_id = "ami-00000000000000001"
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-00000000000000001" && length(data.aws_ssm_parameter.ami) == 0
    error_message = "Another image is used."
  }
}

run "refuses_one_zone" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], load_balancer_security_group_id = "sg-1", database_security_group_id = "sg-2", database_port = 5432 }
  }
  expect_failures = [var.network]
}

run "refuses_an_intel_processor" {
  command = plan
  variables {
    instance_type = "t3.small"
  }
  expect_failures = [var.instance_type]
}

run "refuses_an_image_that_is_none" {
  command = plan
  variables {
    ami_id = "al2023"
  }
  expect_failures = [var.ami_id]
}

run "refuses_a_disk_that_is_too_small" {
  command = plan
  variables {
    volume_gib = 4
  }
  expect_failures = [var.volume_gib]
}

run "refuses_fewer_than_the_fewest" {
  command = plan
  variables {
    capacity = { min = 3, desired = 2 }
  }
  expect_failures = [var.capacity]
}

run "refuses_an_unknown_kind_of_scaling" {
  command = plan
  variables {
    scaling = { kind = "magic" }
  }
  expect_failures = [var.scaling]
}

run "refuses_thresholds_that_cross" {
  command = plan
  variables {
    scaling = { kind = "steps", high = 30, low = 70 }
  }
  expect_failures = [var.scaling]
}

run "refuses_to_count_requests_with_the_classic_pair" {
  command = plan
  variables {
    scaling = { kind = "steps", requests_per_target = 1000 }
  }
  expect_failures = [var.scaling]
}

run "refuses_to_drain_for_a_moment_only" {
  command = plan
  variables {
    draining_seconds = 5
  }
  expect_failures = [var.draining_seconds]
}
