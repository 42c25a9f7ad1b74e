locals {
  # The ECR registry that Docker has to log in to; null for public registries.
  registry = try(regex("^[0-9]{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(?:\\.cn)?", var.image), null)

  files = {
    web_env = join("", [for name in sort(keys(var.environment)) : "${name}=${var.environment[name]}\n"])

    docker_config = jsonencode({
      credHelpers = local.registry == null ? {} : { (local.registry) = "ecr-login" }
    })

    collector_yaml = templatefile("${path.module}/templates/collector.yaml.tftpl", {
      region        = var.region
      namespace     = var.namespace
      metrics_group = var.log_groups.metrics
    })

    web_service = templatefile("${path.module}/templates/vitrine.service.tftpl", {
      image  = var.image
      region = var.region
      group  = var.log_groups.web
    })

    collector_service = templatefile("${path.module}/templates/vitrine-collector.service.tftpl", {
      image  = var.collector_image
      region = var.region
      group  = var.log_groups.collector
    })
  }
}
