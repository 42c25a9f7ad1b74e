output "arn" {
  description = "ARN of the key. It is known once the key has its policy."
  value       = aws_kms_key.this.arn
}
