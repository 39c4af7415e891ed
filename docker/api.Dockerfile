# The service without anything that only its development needs, for a user that owns nothing but its storage.
FROM python:3.11.10-slim-bookworm AS build

RUN pip install --no-cache-dir uv==0.13.8
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never

# First what changes seldom: the packages that the lock names.
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY sdk/pyproject.toml sdk/README.md sdk/
RUN uv sync --frozen --no-dev --no-install-workspace

COPY sdk/src sdk/src
COPY cadence cadence
COPY migrations migrations
COPY alembic.ini ./
RUN uv sync --frozen --no-dev

FROM python:3.11.10-slim-bookworm

RUN groupadd --gid 10001 cadence \
    && useradd --uid 10001 --gid cadence --no-create-home --shell /usr/sbin/nologin cadence \
    && install --directory --owner=cadence --group=cadence --mode=0700 /var/lib/cadence
COPY --from=build /app /app

WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CADENCE_API_HOST=0.0.0.0 CADENCE_API_PORT=8000 CADENCE_STORAGE_ROOT=/var/lib/cadence
USER cadence
VOLUME /var/lib/cadence
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["cadence", "serve"]
