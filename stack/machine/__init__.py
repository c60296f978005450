"""What the machine is and gives."""
