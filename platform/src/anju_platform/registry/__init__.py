"""What the community consists of: communities, places, gateways, devices."""
