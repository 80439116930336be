"""What notify does: reads stories, watches due dates, writes notices, delivers them."""
