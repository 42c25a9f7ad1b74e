module "mail" {
  source = "../topic"
  count  = local.mails ? 1 : 0

  name        = "${local.name}-uploads"
  kms_key_arn = var.kms_key_arn
  emails      = [var.notification_email]

  # Rules reach topics of other accounts with a role only, so there is nothing to restrict.
  publishers = { "events.amazonaws.com" = [] }
}

resource "aws_cloudwatch_event_rule" "mail" {
  count = local.mails ? 1 : 0

  name          = "${local.name}-upload-mail"
  description   = "A picture was uploaded: send a mail"
  event_pattern = local.pattern
}

resource "aws_cloudwatch_event_target" "mail" {
  count = local.mails ? 1 : 0

  rule      = aws_cloudwatch_event_rule.mail[0].name
  target_id = "mail"
  arn       = module.mail[0].arn

  input_transformer {
    input_paths = {
      key  = "$.detail.object.key"
      size = "$.detail.object.size"
      time = "$.time"
    }

    # Lines of text are JSON strings, one a line. jsonencode would write < as an escape.
    input_template = join("\n", [
      "\"A picture was uploaded to ${local.name}.\"",
      "\"\"",
      "\"Object: <key>\"",
      "\"Size:   <size> bytes\"",
      "\"Time:   <time>\"",
      "\"\"",
      "\"Gallery: ${var.gallery_url}\"",
    ])
  }
}
