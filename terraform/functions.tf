locals {
  # What every process has to know.
  settings = merge(var.settings, module.database.environment, {
    VITRINE_STORAGE = "s3://${module.pictures.name}"
    VITRINE_QUEUE   = "${trimsuffix(module.queue["annotate"].url, "annotate")}{step}"
  })

  # The function that writes captions asks the captioner. The web process, for all its pages say of
  # captions, sets one up as well. Secrets are read at the start: nobody reads the number of their
  # version, but a new one has AWS start new instances and new copies of the function.
  captioner_secrets = [for name, arn in module.secrets.arns : arn if name == "gemini-api-key"]
  captioner_settings = merge({ VITRINE_CAPTIONER = var.captioner }, var.captioner == "gemini" ? {
    GEMINI_API_KEY_SECRET_ARN = module.secrets.arns["gemini-api-key"]
    GEMINI_API_KEY_VERSION    = tostring(var.secret_versions.gemini_api_key)
    VITRINE_CAPTION_PRICE     = "USD ${var.caption_price.input} ${var.caption_price.output}"
  } : {})

  # What each function stores, which secrets it reads beside the database's, and its own settings.
  functions = {
    annotate = merge(var.functions.annotate, {
      does     = "Writes captions"
      writes   = []
      secrets  = local.captioner_secrets
      settings = local.captioner_settings
    })
    thumbnail = merge(var.functions.thumbnail, {
      does     = "Makes thumbnails"
      writes   = ["thumbnails/"]
      secrets  = []
      settings = {}
    })
    anonymise = merge(var.functions.anonymise, {
      does     = "Makes copies in which no face can be recognised"
      writes   = ["anonymised/"]
      secrets  = []
      settings = {}
    })
  }

  # Only /tmp can be written to.
  function_settings = merge(
    local.settings,
    { VITRINE_DATA = "/tmp", VITRINE_LOG_FORMAT = "json" },
    var.function_telemetry == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.function_telemetry.endpoint },
  )
}

module "queue" {
  source   = "./modules/queue"
  for_each = var.functions

  name             = "${local.name}-${each.key}"
  function_timeout = each.value.timeout
  sender           = module.events.sender
}

module "events" {
  source = "./modules/events"

  name               = local.name
  router             = var.event_router
  bucket             = { name = module.pictures.name, arn = module.pictures.arn }
  queues             = { for what, queue in module.queue : what => { arn = queue.arn, dead_arn = queue.dead_arn } }
  notification_email = var.notification_email
  gallery_url        = "${module.load_balancer.url}/gallery"
  kms_key_arn        = module.key.arn
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name                = "${local.name}-${each.key}"
  description         = each.value.does
  package             = "${var.functions_directory}/${each.key}/bootstrap.zip"
  memory              = each.value.memory
  timeout             = each.value.timeout
  batch               = { size = each.value.batch_size }
  maximum_concurrency = each.value.maximum_concurrency
  environment = merge(
    local.function_settings,
    each.value.settings,
    { VITRINE_MAX_RECEIVES = tostring(module.queue[each.key].max_receive_count) },
    var.function_telemetry == null ? {} : { OTEL_SERVICE_NAME = "${local.name}-${each.key}" },
  )
  layers             = try([for arn in [var.function_telemetry.layer_arn] : arn if arn != null], [])
  secret_arns        = concat([module.database.secret_arn], each.value.secrets)
  queue_arn          = module.queue[each.key].arn
  bucket_arn         = module.pictures.arn
  writes             = each.value.writes
  log_retention_days = var.log_retention_days

  network = {
    vpc_id                     = module.network.vpc_id
    subnet_ids                 = local.private
    database_security_group_id = module.database.security_group_id
    database_port              = module.database.port
  }
}
