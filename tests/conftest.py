"""What every test may ask for."""

pytest_plugins = [
    "tests.fixtures.service",
    "tests.fixtures.stores",
    "tests.fixtures.embedded",
    "tests.fixtures.rabbitmq",
    "tests.fixtures.processes",
    "tests.fixtures.clients",
    "tests.fixtures.orchestrators",
]
