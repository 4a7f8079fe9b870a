"""What needs attention: found by rules, shown, told to receivers, acknowledged and silenced."""
