locals {
  load_balancer = { LoadBalancer = var.web.load_balancer_arn_suffix }
  target_group  = { LoadBalancer = var.web.load_balancer_arn_suffix, TargetGroup = var.web.target_group_arn_suffix }
  instances     = { AutoScalingGroupName = var.web.autoscaling_group }
  database      = { DBInstanceIdentifier = var.database }

  # Alarms sound above the threshold, or below it where it says so. Periods are in seconds.
  site_alarms = {
    "site-errors" = {
      means     = "The web process answered with errors of its own. Look for the trace id in its log group."
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target_group
      statistic = "Sum", period = 300, periods = 1, threshold = var.limits.server_errors
    }
    "load-balancer-errors" = {
      means     = "The load balancer found nobody to ask, or got no answer in time."
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.load_balancer
      statistic = "Sum", period = 300, periods = 1, threshold = var.limits.server_errors
    }
    "site-slow" = {
      means     = "More than 5 of 100 requests took longer than they should."
      namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = local.target_group
      statistic = "p95", period = 300, periods = 3, threshold = var.limits.response_seconds
    }
    "instances-unhealthy" = {
      means     = "An instance has been unhealthy for five minutes. It should have been replaced by now."
      namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = local.target_group
      statistic = "Minimum", period = 60, periods = 5, threshold = 0
    }
    "site-down" = {
      means     = "No instance is healthy: nobody sees the site."
      namespace = "AWS/ApplicationELB", metric = "HealthyHostCount", dimensions = local.target_group
      statistic = "Maximum", period = 60, periods = 3, threshold = 1, below = true
    }
    "instances-busy" = {
      means     = "The instances have had too much to do for a quarter of an hour. More are not coming, or do not help."
      namespace = "AWS/EC2", metric = "CPUUtilization", dimensions = local.instances
      statistic = "Average", period = 300, periods = 3, threshold = var.limits.cpu_percent
    }
  }

  database_alarms = {
    "database-busy" = {
      means     = "The database has had too much to do for a quarter of an hour."
      namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.database
      statistic = "Average", period = 300, periods = 3, threshold = var.limits.cpu_percent
    }
    "database-full" = {
      means     = "The database's storage is nearly full, and does not grow any more."
      namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = local.database
      statistic = "Minimum", period = 300, periods = 1, threshold = var.limits.database_storage_gib * 1024 * 1024 * 1024, below = true
    }
    "database-connections" = {
      means     = "The database has nearly as many connections as it takes."
      namespace = "AWS/RDS", metric = "DatabaseConnections", dimensions = local.database
      statistic = "Maximum", period = 60, periods = 5, threshold = var.limits.database_connections
    }
  }

  function_alarms = merge([
    for what, function in var.functions : {
      "${what}-errors" = {
        means     = "The function ${function.name} ended badly: out of time or memory, or killed."
        namespace = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = function.name }
        statistic = "Sum", period = 300, periods = 1, threshold = var.limits.function_errors
      }
      "${what}-dead-letters" = {
        means     = "Messages were given up. Mend the cause, then send them back with make redrive."
        namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = function.dead_queue }
        statistic = "Maximum", period = 60, periods = 1, threshold = 0
      }
      "${what}-waiting" = {
        means     = "A message has been waiting for long. The function is behind, or does not run."
        namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = function.queue }
        statistic = "Maximum", period = 60, periods = 5, threshold = var.limits.message_age_seconds
      }
    }
  ]...)

  alarms = merge(local.site_alarms, local.database_alarms, local.function_alarms)
}
