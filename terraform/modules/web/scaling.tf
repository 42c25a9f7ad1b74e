locals {
  steps = var.scaling.kind == "steps"

  # Simple scaling: one policy that adds an instance and one that removes one, each with an alarm.
  pair = local.steps ? {
    more = { adjustment = 1, comparison = "GreaterThanThreshold", threshold = var.scaling.high }
    less = { adjustment = -1, comparison = "LessThanThreshold", threshold = var.scaling.low }
  } : {}
}

resource "aws_autoscaling_policy" "cpu" {
  count = local.steps ? 0 : 1

  name                   = "${local.name}-cpu"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.scaling.cpu

    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
  }
}

resource "aws_autoscaling_policy" "requests" {
  count = var.scaling.requests_per_target == null ? 0 : 1

  name                   = "${local.name}-requests"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.scaling.requests_per_target

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${var.target_group.load_balancer_arn_suffix}/${var.target_group.arn_suffix}"
    }
  }
}

resource "aws_autoscaling_policy" "step" {
  for_each = local.pair

  name                   = "${local.name}-${each.key}"
  autoscaling_group_name = aws_autoscaling_group.this.name
  policy_type            = "SimpleScaling"
  adjustment_type        = "ChangeInCapacity"
  scaling_adjustment     = each.value.adjustment
  cooldown               = 300
}

resource "aws_cloudwatch_metric_alarm" "step" {
  for_each = local.pair

  alarm_name        = "${local.name}-scaling-${each.key}"
  alarm_description = "One web instance ${each.key}: CPU ${each.key == "more" ? "above" : "below"} ${each.value.threshold} % in 4 of 5 minutes"
  alarm_actions     = [aws_autoscaling_policy.step[each.key].arn]

  namespace           = "AWS/EC2"
  metric_name         = "CPUUtilization"
  dimensions          = { AutoScalingGroupName = aws_autoscaling_group.this.name }
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 4
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
}
