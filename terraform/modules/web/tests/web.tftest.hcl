mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name        = "vitrine"
  tags        = { Project = "vitrine" }
  image       = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/vitrine@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  environment = { VITRINE_STORAGE = "s3://vitrine-pictures" }
  secret_arns = ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin"]
  bucket_arn  = "arn:aws:s3:::vitrine-pictures"
  queue_arns  = ["arn:aws:sqs:eu-west-1:123456789012:vitrine-annotate"]
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

run "only_the_load_balancer_can_connect" {
  assert {
    condition     = aws_vpc_security_group_ingress_rule.load_balancer.referenced_security_group_id == "sg-load-balancer" && aws_vpc_security_group_ingress_rule.load_balancer.from_port == 8080 && aws_vpc_security_group_ingress_rule.load_balancer.to_port == 8080 && length(aws_security_group.this.ingress) == 0
    error_message = "Others can connect."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.https.from_port == 443 && aws_vpc_security_group_egress_rule.https.to_port == 443 && aws_vpc_security_group_egress_rule.database.referenced_security_group_id == "sg-database" && aws_vpc_security_group_egress_rule.database.from_port == 5432 && length(aws_security_group.this.egress) == 0
    error_message = "The instances can connect to something else."
  }
}

run "group_spans_three_zones_and_uses_elb_health" {
  assert {
    condition     = length(aws_autoscaling_group.this.vpc_zone_identifier) == 3 && aws_autoscaling_group.this.health_check_type == "ELB" && aws_autoscaling_group.this.health_check_grace_period == 300
    error_message = "The subnets or the health check are wrong."
  }

  assert {
    condition     = aws_autoscaling_group.this.min_size == 2 && aws_autoscaling_group.this.desired_capacity == 2 && aws_autoscaling_group.this.max_size == 6
    error_message = "The default capacity is wrong."
  }
}

run "new_image_is_a_new_version_of_the_launch_template" {
  assert {
    condition     = strcontains(base64decode(aws_launch_template.this.user_data), var.image) && output.launch_template == { name = "vitrine-web", version = tostring(aws_launch_template.this.latest_version) }
    error_message = "The launch template does not contain the image, or its version is not an output."
  }

  # "The rollback option is not available if the Auto Scaling group is configured to use the $Latest or
  # $Default launch template version." Undo changes with a manual or auto rollback,
  # https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-rollback.html
  assert {
    condition     = can(tonumber(aws_autoscaling_group.this.launch_template[0].version))
    error_message = "The group does not start with a numbered version, so AWS could not roll back to it."
  }
}

run "termination_waits_for_requests_in_progress" {
  assert {
    condition     = aws_autoscaling_lifecycle_hook.drain.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING" && aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout == 90 && aws_autoscaling_lifecycle_hook.drain.default_result == "CONTINUE"
    error_message = "The termination hook is wrong."
  }
}

run "web_process_gets_its_settings" {
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

run "target_tracking_can_use_requests" {
  variables {
    scaling = { cpu = 50, requests_per_target = 1000 }
  }

  assert {
    condition     = aws_autoscaling_policy.cpu[0].target_tracking_configuration[0].target_value == 50 && aws_autoscaling_policy.requests[0].target_tracking_configuration[0].target_value == 1000 && aws_autoscaling_policy.requests[0].target_tracking_configuration[0].predefined_metric_specification[0].resource_label == "app/vitrine/1/targetgroup/vitrine/1"
    error_message = "The scaling policy for requests is wrong."
  }
}

run "simple_scaling_adds_above_70_and_removes_below_30" {
  variables {
    scaling = { kind = "steps" }
  }

  assert {
    condition     = aws_autoscaling_policy.step["more"].scaling_adjustment == 1 && aws_autoscaling_policy.step["less"].scaling_adjustment == -1 && alltrue([for policy in aws_autoscaling_policy.step : policy.policy_type == "SimpleScaling" && policy.cooldown == 300]) && length(aws_autoscaling_policy.cpu) == 0
    error_message = "The scaling policies are wrong."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.step["more"].threshold == 70 && aws_cloudwatch_metric_alarm.step["more"].comparison_operator == "GreaterThanThreshold" && aws_cloudwatch_metric_alarm.step["less"].threshold == 30 && aws_cloudwatch_metric_alarm.step["less"].comparison_operator == "LessThanThreshold"
    error_message = "The thresholds are wrong."
  }

  assert {
    condition     = alltrue([for name, alarm in aws_cloudwatch_metric_alarm.step : alarm.period == 60 && alarm.evaluation_periods == 5 && alarm.datapoints_to_alarm == 4 && contains(alarm.alarm_actions, aws_autoscaling_policy.step[name].arn) && alarm.dimensions == tomap({ AutoScalingGroupName = aws_autoscaling_group.this.name })])
    error_message = "The metric or the action of an alarm is wrong."
  }
}

run "ssh_is_allowed_from_the_bastion" {
  variables {
    ssh = { security_group_ids = { bastion = "sg-bastion" }, key_name = "vitrine" }
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh["bastion"].referenced_security_group_id == "sg-bastion" && aws_vpc_security_group_ingress_rule.ssh["bastion"].from_port == 22 && aws_vpc_security_group_ingress_rule.ssh["bastion"].to_port == 22 && aws_launch_template.this.key_name == "vitrine"
    error_message = "SSH from the bastion is not allowed, or other ports are."
  }
}

run "session_manager_policy_cannot_read_parameters" {
  variables {
    session_manager = true
  }

  assert {
    condition     = length([for statement in data.aws_iam_policy_document.this.statement : statement if statement.sid == "SessionManager" && !contains(statement.actions, "ssm:GetParameter")]) == 1 && length(aws_vpc_security_group_ingress_rule.ssh) == 0
    error_message = "The Session Manager policy is wrong, or port 22 is open."
  }
}

run "custom_ami_is_used" {
  variables {
    ami_id = "ami-00000000000000001"
  }

  assert {
    condition     = aws_launch_template.this.image_id == "ami-00000000000000001" && length(data.aws_ssm_parameter.ami) == 0
    error_message = "Another AMI is used."
  }
}

run "rejects_a_single_subnet" {
  command = plan
  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"], load_balancer_security_group_id = "sg-1", database_security_group_id = "sg-2", database_port = 5432 }
  }
  expect_failures = [var.network]
}

run "rejects_an_x86_instance_type" {
  command = plan
  variables {
    instance_type = "t3.small"
  }
  expect_failures = [var.instance_type]
}

run "rejects_an_invalid_ami_id" {
  command = plan
  variables {
    ami_id = "al2023"
  }
  expect_failures = [var.ami_id]
}

run "rejects_desired_below_min" {
  command = plan
  variables {
    capacity = { min = 3, desired = 2 }
  }
  expect_failures = [var.capacity]
}

run "rejects_an_unknown_scaling_kind" {
  command = plan
  variables {
    scaling = { kind = "magic" }
  }
  expect_failures = [var.scaling]
}

run "rejects_crossed_thresholds" {
  command = plan
  variables {
    scaling = { kind = "steps", high = 30, low = 70 }
  }
  expect_failures = [var.scaling]
}

run "rejects_requests_per_target_with_simple_scaling" {
  command = plan
  variables {
    scaling = { kind = "steps", requests_per_target = 1000 }
  }
  expect_failures = [var.scaling]
}
