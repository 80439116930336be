"""The broker: its topology, and batches that take effect exactly once."""

from shared.messaging.batches import BatchConsumer, Delivered, subscribe
from shared.messaging.topology import provision

__all__ = ["BatchConsumer", "Delivered", "provision", "subscribe"]
