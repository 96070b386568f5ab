# One Kafka cluster on EC2: machines for brokers and controllers, a volume for each log directory, DNS names, and who may
# connect. Its input is made from the fleet's topology; what belongs to the account (network, state) is looked up by tags.

data "aws_subnet" "zone" {
  for_each = toset([for host in var.hosts : host.zone])

  availability_zone = each.key

  filter {
    name   = "tag:Fleet"
    values = [var.fleet]
  }
}

data "aws_vpc" "network" {
  id = values(data.aws_subnet.zone)[0].vpc_id
}

data "aws_route53_zone" "internal" {
  name         = var.dns_zone
  private_zone = true
}

data "aws_ec2_instance_type" "used" {
  for_each = toset([for host in var.hosts : host.instance_type])

  instance_type = each.key
}

data "aws_ssm_parameter" "image" {
  for_each = data.aws_ec2_instance_type.used

  name = "/aws/service/debian/release/12/latest/${contains(each.value.supported_architectures, "arm64") ? "arm64" : "amd64"}"
}

locals {
  # Found by Prometheus (ec2_sd) and by people; keep in step with prometheus.yml.
  tags = {
    Fleet        = var.fleet
    KafkaCluster = var.cluster
    Owner        = var.owner
  }

  client_cidrs     = length(var.client_cidrs) > 0 ? var.client_cidrs : [data.aws_vpc.network.cidr_block]
  monitoring_cidrs = length(var.monitoring_cidrs) > 0 ? var.monitoring_cidrs : [data.aws_vpc.network.cidr_block]

  volumes = merge([
    for name, host in var.hosts : {
      for index, log_dir in host.log_dirs : "${name}-${index}" => {
        host    = name
        zone    = host.zone
        log_dir = log_dir
        device  = "/dev/sd${substr("fghijklmnop", index, 1)}"
      }
    }
  ]...)
}

resource "aws_security_group" "kafka" {
  # AWS takes no name that begins with sg-.
  name        = replace("${var.fleet}-${var.cluster}", "/^sg-/", "kafka-sg-")
  description = "Kafka cluster ${var.cluster}"
  vpc_id      = data.aws_vpc.network.id
  tags        = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "between" {
  security_group_id            = aws_security_group.kafka.id
  description                  = "Brokers and controllers among themselves"
  referenced_security_group_id = aws_security_group.kafka.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = toset(local.client_cidrs)

  security_group_id = aws_security_group.kafka.id
  description       = "Clients"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 9092
  to_port           = 9092
}

resource "aws_vpc_security_group_ingress_rule" "monitoring" {
  for_each = toset(local.monitoring_cidrs)

  security_group_id = aws_security_group.kafka.id
  description       = "JMX exporters"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 8079
  to_port           = 8080
}

resource "aws_vpc_security_group_ingress_rule" "mirrors" {
  for_each = toset(local.monitoring_cidrs)

  security_group_id = aws_security_group.kafka.id
  description       = "Metrics of mirrors of kind freshet, a port each"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 8090
  to_port           = 8189
}

resource "aws_vpc_security_group_ingress_rule" "disks" {
  for_each = toset(local.monitoring_cidrs)

  security_group_id = aws_security_group.kafka.id
  description       = "Node exporters"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 9100
  to_port           = 9100
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  security_group_id = aws_security_group.kafka.id
  description       = "Ansible"
  cidr_ipv4         = data.aws_vpc.network.cidr_block
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_egress_rule" "all" {
  security_group_id = aws_security_group.kafka.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_instance" "node" {
  for_each = var.hosts

  ami                    = data.aws_ssm_parameter.image[each.value.instance_type].insecure_value
  instance_type          = each.value.instance_type
  subnet_id              = data.aws_subnet.zone[each.value.zone].id
  vpc_security_group_ids = [aws_security_group.kafka.id]
  key_name               = var.ssh_key_name
  ebs_optimized          = true

  # Volumes are named by their serial number, which is their id: device names are not kept on Nitro.
  user_data = templatefile("${path.module}/disks.sh.tftpl", {
    disks = { for volume in aws_ebs_volume.log : replace(volume.id, "-", "") => volume.tags["LogDir"] if volume.tags["Host"] == each.key }
  })

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = 32
    encrypted   = true
  }

  tags = merge(local.tags, {
    Name        = each.value.fqdn
    KafkaRole   = each.value.role
    KafkaNodeId = tostring(each.value.node_id)
  })

  lifecycle {
    ignore_changes = [ami, user_data]
  }
}

resource "aws_ebs_volume" "log" {
  for_each = local.volumes

  availability_zone = each.value.zone
  type              = var.volumes.type
  size              = var.volumes.size_gib
  iops              = var.volumes.iops
  throughput        = var.volumes.throughput_mib
  encrypted         = true

  tags = merge(local.tags, {
    Name   = "${var.cluster}-${each.key}"
    Host   = each.value.host
    LogDir = each.value.log_dir
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_volume_attachment" "log" {
  for_each = local.volumes

  device_name = each.value.device
  volume_id   = aws_ebs_volume.log[each.key].id
  instance_id = aws_instance.node[each.value.host].id
}

resource "aws_route53_record" "node" {
  for_each = var.hosts

  zone_id = data.aws_route53_zone.internal.zone_id
  name    = each.value.fqdn
  type    = "A"
  ttl     = 60
  records = [aws_instance.node[each.key].private_ip]
}
