# One image for every process of the platform and for an edge agent.
FROM python:3.11-slim-bookworm
WORKDIR /opt/anju
# What draws a report as PDF, and the Chinese it is written in.
RUN apt-get update && apt-get install -y --no-install-recommends \
        libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY devices devices
COPY rules rules
COPY edge edge
COPY platform platform
COPY dashboards dashboards
RUN pip install --no-cache-dir --no-deps --no-build-isolation ./devices ./rules ./edge ./platform ./dashboards \
    && useradd --system --create-home --home-dir /var/lib/anju anju
USER anju
WORKDIR /var/lib/anju
CMD ["anju", "--help"]
