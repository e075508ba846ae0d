"""What the platform asks of gateways, and their answers."""
