# Where resources were before that an earlier version of this configuration made: they move in the state,
# and nothing is replaced.
moved {
  from = module.secrets.aws_secretsmanager_secret.this
  to   = aws_secretsmanager_secret.this
}

moved {
  from = module.secrets.aws_secretsmanager_secret_version.this
  to   = aws_secretsmanager_secret_version.this
}

moved {
  from = module.key.aws_kms_key.this
  to   = aws_kms_key.topics
}

moved {
  from = module.key.aws_kms_alias.this
  to   = aws_kms_alias.topics
}

moved {
  from = module.instance_connect[0].aws_ec2_instance_connect_endpoint.this
  to   = aws_ec2_instance_connect_endpoint.this[0]
}

moved {
  from = module.instance_connect[0].aws_security_group.this
  to   = aws_security_group.instance_connect[0]
}

moved {
  from = module.instance_connect[0].aws_vpc_security_group_egress_rule.web
  to   = aws_vpc_security_group_egress_rule.instance_connect[0]
}
