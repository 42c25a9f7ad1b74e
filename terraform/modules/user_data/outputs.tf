output "script" {
  description = "The script that sets up an instance. EC2 takes 16 KiB at most."
  value       = templatefile("${path.module}/templates/setup.sh.tftpl", local.files)

  precondition {
    condition     = length(templatefile("${path.module}/templates/setup.sh.tftpl", local.files)) <= 16384
    error_message = "The user data is longer than 16 KiB, which EC2 does not take. Shorten the settings."
  }
}

output "files" {
  description = "The files that the script writes, for tests."
  value       = local.files
}
