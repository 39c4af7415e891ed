"""RabbitMQ: how the processes of a fleet hear of each other's changes."""
