locals {
  # Settings that the web process and the functions share.
  settings = merge(var.settings, module.database.environment, {
    VITRINE_STORAGE = "s3://${module.pictures.name}"
    VITRINE_QUEUE = join("/", [
      "https://sqs.${data.aws_region.current.id}.${data.aws_partition.current.dns_suffix}",
      data.aws_caller_identity.current.account_id,
      "${local.name}-{step}",
    ])
  })

  # The web process needs the captioner's settings too, because its pages show them. Processes read
  # secrets when they start. No code reads the version of the key: as an environment variable, it
  # makes AWS start new instances and new function environments when the key changes.
  captioner_secrets = [for name, arn in local.secret_arns : arn if name == "${var.captioner}-api-key"]
  captioner_settings = merge({ VITRINE_CAPTIONER = var.captioner }, var.captioner == "openai" ? {
    OPENAI_BASE_URL = var.openai.base_url
    OPENAI_MODEL    = var.openai.model
    } : {}, var.captioner != "describe" ? {
    "${upper(var.captioner)}_API_KEY_SECRET_ARN" = local.secret_arns["${var.captioner}-api-key"]
    "${upper(var.captioner)}_API_KEY_VERSION"    = tostring(var.secret_versions["${var.captioner}_api_key"])
    VITRINE_CAPTION_PRICE                        = "USD ${var.caption_price.input} ${var.caption_price.output}"
    # As many requests at once as there can be messages at work, so that none has to wait for its turn
    # in the queue; and an answer before Lambda ends the function.
    VITRINE_CAPTION_CONCURRENCY = lookup(var.settings, "VITRINE_CAPTION_CONCURRENCY", tostring(
      local.functions.annotate.maximum_concurrency * local.functions.annotate.batch_size
    ))
    VITRINE_CAPTION_TIMEOUT = lookup(var.settings, "VITRINE_CAPTION_TIMEOUT", tostring(
      max(5, min(60, local.functions.annotate.timeout - 30))
    ))
  } : {})

  # Lambda lets functions write to /tmp only.
  function_settings = merge(
    local.settings,
    { VITRINE_DATA = "/tmp", VITRINE_LOG_FORMAT = "json" },
    var.function_telemetry == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.function_telemetry.endpoint },
  )
}

module "queue" {
  source   = "./modules/queue"
  for_each = local.functions

  name             = "${local.name}-${each.key}"
  function_timeout = each.value.timeout
  sender           = module.events.sender
}

module "events" {
  source = "./modules/events"

  name               = local.name
  router             = var.event_router
  bucket             = { name = module.pictures.name, arn = module.pictures.arn }
  queues             = { for function, queue in module.queue : function => { arn = queue.arn, dead_arn = queue.dead_arn } }
  notification_email = var.notification_email
  gallery_url        = "${module.load_balancer.url}/gallery"
  kms_key_arn        = aws_kms_key.topics.arn
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name                = "${local.name}-${each.key}"
  description         = each.value.description
  package             = "${var.functions_directory}/${each.key}/bootstrap.zip"
  memory              = each.value.memory
  timeout             = each.value.timeout
  batch_size          = each.value.batch_size
  maximum_concurrency = each.value.maximum_concurrency
  environment = merge(
    local.function_settings,
    each.value.calls_captioner ? local.captioner_settings : {},
    { VITRINE_MAX_RECEIVES = tostring(module.queue[each.key].max_receive_count) },
    var.function_telemetry == null ? {} : { OTEL_SERVICE_NAME = "${local.name}-${each.key}" },
  )
  layers             = try([for arn in [var.function_telemetry.layer_arn] : arn if arn != null], [])
  secret_arns        = concat([module.database.secret_arn], each.value.calls_captioner ? local.captioner_secrets : [])
  queue_arn          = module.queue[each.key].arn
  bucket_arn         = module.pictures.arn
  write_prefixes     = each.value.write_prefixes
  log_retention_days = var.log_retention_days

  network = {
    vpc_id                     = module.network.vpc_id
    subnet_ids                 = local.private
    database_security_group_id = module.database.security_group_id
    database_port              = module.database.port
  }
}
