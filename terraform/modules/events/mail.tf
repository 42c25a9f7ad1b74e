module "mail" {
  source = "../topic"
  count  = local.mails ? 1 : 0

  name        = "${local.name}-uploads"
  kms_key_arn = var.kms_key_arn
  emails      = [var.notification_email]

  # EventBridge sends no source ARN to topics. Rules of other accounts would need a role to publish here.
  services = ["events.amazonaws.com"]
}

resource "aws_cloudwatch_event_rule" "mail" {
  count = local.mails ? 1 : 0

  name          = "${local.name}-upload-mail"
  description   = "Uploads, to a notification e-mail"
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

    # Each line of the text is a JSON string on a line of its own. jsonencode would escape the <.
    input_template = join("\n", [
      "\"A picture was uploaded to ${local.name}.\"",
      "\"Object: <key>\"",
      "\"Size:   <size> bytes\"",
      "\"Time:   <time>\"",
      "\"Gallery: ${var.gallery_url}\"",
    ])
  }
}
