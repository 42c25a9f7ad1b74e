output "vpc_id" {
  description = "ID of the VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "CIDR block of the VPC."
  value       = aws_vpc.this.cidr_block
}

output "public_subnet_ids" {
  description = "IDs of the public subnets by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }

  # AWS refuses a load balancer before the internet gateway is attached.
  depends_on = [aws_route.internet, aws_route_table_association.public]
}

output "public_cidrs" {
  description = "CIDR blocks of the public subnets."
  value       = sort([for subnet in aws_subnet.public : subnet.cidr_block])
}

output "private_subnet_ids" {
  description = "IDs of the private subnets by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }

  # The set-up script of an instance downloads packages and images.
  depends_on = [aws_route.nat, aws_route_table_association.private]
}

output "database_subnet_ids" {
  description = "IDs of the database subnets by zone."
  value       = { for zone, subnet in aws_subnet.database : zone => subnet.id }
}

output "nat_addresses" {
  description = "Public addresses of the NAT gateways by zone."
  value       = { for zone, address in aws_eip.nat : zone => address.public_ip }
}
