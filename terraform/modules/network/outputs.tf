output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Addresses of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "Ids of the public subnets by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "private_subnet_ids" {
  description = "Ids of the private subnets by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "database_subnet_ids" {
  description = "Ids of the isolated subnets by zone."
  value       = { for zone, subnet in aws_subnet.database : zone => subnet.id }
}

output "nat_addresses" {
  description = "Public addresses from which the web instances and functions call out."
  value       = { for zone, address in aws_eip.nat : zone => address.public_ip }
}
