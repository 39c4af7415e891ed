"""What every test may ask for."""

pytest_plugins = [
    "tests.fixtures.service",
    "tests.fixtures.stores",
    "tests.fixtures.embedded",
    "tests.fixtures.rabbitmq",
    "tests.fixtures.mongodb",
    "tests.fixtures.transcripts",
    "tests.fixtures.object_store",
    "tests.fixtures.store_choice",
    "tests.fixtures.real_stores",
    "tests.fixtures.processes",
    "tests.fixtures.clients",
    "tests.fixtures.orchestrators",
]
