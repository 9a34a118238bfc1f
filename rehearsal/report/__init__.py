"""What a command shows at its end."""
