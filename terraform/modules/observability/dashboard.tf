locals {
  region = data.aws_region.current.id

  # Each metric is a list: namespace, name, then names and values of dimensions.
  request_graphs = [
    {
      title = "Requests per minute", stat = "Sum"
      metrics = [
        ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", var.web.load_balancer_arn_suffix],
      ]
    },
    {
      title = "Response time in seconds, p50 and p95", stat = "p95"
      metrics = [
        ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.web.load_balancer_arn_suffix, { stat = "p50" }],
        ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", var.web.load_balancer_arn_suffix, { stat = "p95" }],
      ]
    },
    {
      title = "Errors per minute", stat = "Sum"
      metrics = [
        for metric in ["HTTPCode_Target_5XX_Count", "HTTPCode_ELB_5XX_Count", "HTTPCode_Target_4XX_Count"] :
        ["AWS/ApplicationELB", metric, "LoadBalancer", var.web.load_balancer_arn_suffix]
      ]
    },
  ]

  # The metrics of the machine in docs/telemetry.md, for each instance. Those that are 0 or 1 are on the right.
  machine = {
    "Instances: memory, waiting for disks and steal in percent" = {
      left = ["memory_usage", "io_wait", "cpu_steal"], right = ["memory_bottleneck"]
    }
    "Instances: TCP connections" = {
      left = ["tcp_connections", "tcp_connections_http", "tcp_connections_ssh"], right = ["multiple_ssh_connections"]
    }
    "Instances: free storage in GB" = {
      left = ["available_virtual_storage"], right = ["low_virtual_storage"]
    }
  }

  machine_graphs = [
    for title, axes in local.machine : {
      title = title, stat = "Maximum"
      metrics = [
        for metric in concat(axes.left, axes.right) : [{
          expression = "SEARCH('{\"${var.web.namespace}\",\"host.id\"} MetricName=\"${metric}\"', 'Maximum', 60)"
          label      = metric
          yAxis      = contains(axes.left, metric) ? "left" : "right"
        }]
      ]
    }
  ]

  graphs = concat(local.request_graphs, local.machine_graphs, [
    {
      title = "Instances: healthy and unhealthy", stat = "Maximum"
      metrics = [
        for metric in ["HealthyHostCount", "UnHealthyHostCount"] :
        ["AWS/ApplicationELB", metric, "TargetGroup", var.web.target_group_arn_suffix, "LoadBalancer", var.web.load_balancer_arn_suffix]
      ]
    },
    {
      # Instance metrics have no dimension for the group and the instance, so this shows all in the region.
      title = "CPU of each instance", stat = "Average"
      metrics = [
        [{ expression = "SEARCH('{AWS/EC2,InstanceId} MetricName=\"CPUUtilization\"', 'Average', 60)", label = "" }],
        ["AWS/EC2", "CPUUtilization", "AutoScalingGroupName", var.web.autoscaling_group, { label = "mean" }],
      ]
    },
    {
      title   = "Messages waiting", stat = "Maximum"
      metrics = [for function in values(var.functions) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", function.queue]]
    },
    {
      title   = "Age of the oldest message in seconds", stat = "Maximum"
      metrics = [for function in values(var.functions) : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", function.queue]]
    },
    {
      title   = "Dead letters", stat = "Maximum"
      metrics = [for function in values(var.functions) : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", function.dead_queue]]
    },
    {
      title   = "Functions: p95 duration in milliseconds", stat = "p95"
      metrics = [for function in values(var.functions) : ["AWS/Lambda", "Duration", "FunctionName", function.name]]
    },
    {
      title   = "Functions: errors", stat = "Sum"
      metrics = [for function in values(var.functions) : ["AWS/Lambda", "Errors", "FunctionName", function.name]]
    },
    {
      title   = "Functions: concurrent executions", stat = "Maximum"
      metrics = [for function in values(var.functions) : ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", function.name]]
    },
    {
      title   = "Database: CPU in percent", stat = "Average"
      metrics = [["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", var.database]]
    },
    {
      title   = "Database: connections", stat = "Maximum"
      metrics = [["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", var.database]]
    },
    {
      title   = "Database: free storage in bytes", stat = "Minimum"
      metrics = [["AWS/RDS", "FreeStorageSpace", "DBInstanceIdentifier", var.database]]
    },
  ])

  # annotate logs the tokens of each caption that a provider wrote.
  caption_query = join(" | ", [
    "SOURCE '${var.functions["annotate"].log_group}'",
    "filter ispresent(tokens_in) and ispresent(tokens_out)",
    "stats count(*) as captions, sum(tokens_in) as input, sum(tokens_out) as output, (sum(tokens_in) * ${var.caption_price.input} + sum(tokens_out) * ${var.caption_price.output}) / 1000000 as usd by bin(1h)",
  ])

  # Three widgets in a row of 24 columns.
  widgets = concat(
    [
      for index, graph in local.graphs : {
        type   = "metric"
        x      = index % 3 * 8
        y      = floor(index / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = graph.title
          metrics = graph.metrics
          stat    = graph.stat
          region  = local.region
          period  = 60
          view    = "timeSeries"
        }
      }
    ],
    [{
      type   = "log"
      x      = length(local.graphs) % 3 * 8
      y      = floor(length(local.graphs) / 3) * 6
      width  = 8
      height = 6
      properties = {
        title  = "Captions by a provider: tokens and cost in US dollars"
        query  = local.caption_query
        region = local.region
        view   = "table"
      }
    }],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
  dashboard_body = jsonencode({ widgets = local.widgets })
}
