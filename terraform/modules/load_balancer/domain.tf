resource "aws_acm_certificate" "this" {
  count = var.domain != null && var.certificate_arn == null ? 1 : 0

  domain_name       = var.domain.name
  validation_method = "DNS"

  # AWS adds the name anyway. Setting it makes the number of validation records known at plan time.
  subject_alternative_names = [var.domain.name]

  lifecycle {
    create_before_destroy = true
  }
}

# DNS validation: one record, because the certificate has one name.
resource "aws_route53_record" "proof" {
  count = length(aws_acm_certificate.this)

  zone_id         = var.domain.zone_id
  name            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_name
  type            = one(aws_acm_certificate.this[0].domain_validation_options).resource_record_type
  records         = [one(aws_acm_certificate.this[0].domain_validation_options).resource_record_value]
  ttl             = 300
  allow_overwrite = true
}

resource "aws_acm_certificate_validation" "this" {
  count = length(aws_acm_certificate.this)

  certificate_arn         = aws_acm_certificate.this[0].arn
  validation_record_fqdns = [aws_route53_record.proof[0].fqdn]
}

resource "aws_route53_record" "site" {
  count = try(var.domain.zone_id, null) == null ? 0 : 1

  zone_id = var.domain.zone_id
  name    = var.domain.name
  type    = "A"

  alias {
    name                   = aws_lb.this.dns_name
    zone_id                = aws_lb.this.zone_id
    evaluate_target_health = true
  }
}
