locals {
  load_balancer = { LoadBalancer = var.web.load_balancer_arn_suffix }
  target_group  = { LoadBalancer = var.web.load_balancer_arn_suffix, TargetGroup = var.web.target_group_arn_suffix }
  instances     = { AutoScalingGroupName = var.web.autoscaling_group }
  database      = { DBInstanceIdentifier = var.database }

  # An alarm fires above its threshold, or below it with `below = true`. Periods are in seconds.
  site_alarms = {
    "site-errors" = {
      description = "The web process answered with 5xx errors. Search its log group for the trace ids."
      namespace   = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.target_group
      statistic   = "Sum", period = 300, periods = 1, threshold = var.limits.server_errors
    }
    "load-balancer-errors" = {
      description = "The load balancer had no healthy instance, or got no answer in time."
      namespace   = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.load_balancer
      statistic   = "Sum", period = 300, periods = 1, threshold = var.limits.server_errors
    }
    "site-slow" = {
      description = "More than 5 % of requests were slower than the threshold."
      namespace   = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = local.target_group
      statistic   = "p95", period = 300, periods = 3, threshold = var.limits.response_seconds
    }
    "instances-unhealthy" = {
      description = "An instance has been unhealthy for five minutes and was not replaced."
      namespace   = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = local.target_group
      statistic   = "Minimum", period = 60, periods = 5, threshold = 0
    }
    "site-down" = {
      description = "No instance is healthy: the site is down."
      namespace   = "AWS/ApplicationELB", metric = "HealthyHostCount", dimensions = local.target_group
      statistic   = "Maximum", period = 60, periods = 3, threshold = 1, below = true
    }
    "instances-busy" = {
      description = "The CPU load of the instances has been high for 15 minutes. Scaling is at its limit or does not help."
      namespace   = "AWS/EC2", metric = "CPUUtilization", dimensions = local.instances
      statistic   = "Average", period = 300, periods = 3, threshold = var.limits.cpu_percent
    }
    # The process itself compares with its limit, which docs/telemetry.md has.
    "instance-storage-low" = {
      description = "The disk of an instance is nearly full, and uploads are about to be refused. Terminate it; the group replaces it."
      namespace   = var.web.namespace, metric = "low_virtual_storage", dimensions = {}
      statistic   = "Maximum", period = 60, periods = 5, threshold = 0
    }
  }

  database_alarms = {
    "database-busy" = {
      description = "The CPU load of the database has been high for 15 minutes."
      namespace   = "AWS/RDS", metric = "CPUUtilization", dimensions = local.database
      statistic   = "Average", period = 300, periods = 3, threshold = var.limits.cpu_percent
    }
    "database-full" = {
      description = "The storage of the database is nearly full and does not grow any more."
      namespace   = "AWS/RDS", metric = "FreeStorageSpace", dimensions = local.database
      statistic   = "Minimum", period = 300, periods = 1, threshold = var.limits.database_storage_gib * 1024 * 1024 * 1024, below = true
    }
    "database-connections" = {
      description = "The database is close to its limit of connections."
      namespace   = "AWS/RDS", metric = "DatabaseConnections", dimensions = local.database
      statistic   = "Maximum", period = 60, periods = 5, threshold = var.limits.database_connections
    }
  }

  function_alarms = merge([
    for key, function in var.functions : {
      "${key}-errors" = {
        description = "Invocations of ${function.name} failed: timeout, out of memory or a crash."
        namespace   = "AWS/Lambda", metric = "Errors", dimensions = { FunctionName = function.name }
        statistic   = "Sum", period = 300, periods = 1, threshold = var.limits.function_errors
      }
      "${key}-dead-letters" = {
        description = "Messages were moved to the dead-letter queue. Fix the cause, then run make redrive."
        namespace   = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = function.dead_queue }
        statistic   = "Maximum", period = 60, periods = 1, threshold = 0
      }
      "${key}-waiting" = {
        description = "The oldest message is too old: the function is too slow, or does not run."
        namespace   = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = function.queue }
        statistic   = "Maximum", period = 60, periods = 5, threshold = var.limits.message_age_seconds
      }
    }
  ]...)

  alarms = merge(local.site_alarms, local.database_alarms, local.function_alarms)
}
