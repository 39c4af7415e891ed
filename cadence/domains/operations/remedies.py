"""What to do about a store that does not answer, for operators only."""

from cadence.infra.away import Store

REMEDIES: dict[str, str] = {
    Store.DATABASE: "start PostgreSQL, or check CADENCE_POSTGRES_URL",
    Store.REDIS: "start Redis, or check CADENCE_REDIS_URL",
    Store.TRANSCRIPTS: "start MongoDB, or check CADENCE_MONGO_URL",
    Store.OBJECTS: "check CADENCE_OBJECT_STORE_URL and its credentials",
}
EVENTS_REMEDY = (
    "start RabbitMQ, or check CADENCE_RABBITMQ_URL; until then processes hear late of each other's "
    "changes"
)
