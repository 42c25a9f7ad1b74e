output "script" {
  description = "The set-up script of an instance. EC2 limits user data to 16 KiB."
  value       = templatefile("${path.module}/templates/setup.sh.tftpl", local.files)

  precondition {
    condition     = length(templatefile("${path.module}/templates/setup.sh.tftpl", local.files)) <= 16384
    error_message = "The user data is longer than the limit of 16 KiB. Shorten the settings."
  }
}

output "files" {
  description = "The files that the script writes, for tests."
  value       = local.files
}
