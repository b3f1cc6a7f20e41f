# The images of the three processes. The last stage, which `docker build .` makes, runs any of them: the API unless
# another command is given. `--target worker` can also reach hosts over SSH, for inventories whose playbooks do not run
# on the worker itself.

# libgssapi-krb5-2 is for backends whose updates are signed by Kerberos (docs/how-to/active-directory.md).
FROM python:3.11-slim-bookworm AS base
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgssapi-krb5-2 \
 && rm -rf /var/lib/apt/lists/*
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PATH=/opt/venv/bin:$PATH \
    API_URL=http://app:8000/api/v1/dns/create
RUN groupadd --gid 10001 app \
 && useradd --uid 10001 --gid app --home-dir /tmp --no-create-home --shell /usr/sbin/nologin app
WORKDIR /srv

# Wheels only, each checked against its hash: no compiler is needed, here or in the images. uv installs them, since
# pip takes a minute for it; --system-certs, as a network's own certificate authority is known to the system alone.
FROM base AS packages
COPY requirements.txt stack/requirements-uv.txt /tmp/
RUN pip install --no-cache-dir --disable-pip-version-check --quiet --target /tmp/uv \
        --only-binary :all: --require-hashes --requirement /tmp/requirements-uv.txt \
 && python -m venv --without-pip /opt/venv \
 && /tmp/uv/bin/uv pip install --system-certs --no-cache --python /opt/venv/bin/python --compile-bytecode \
        --only-binary :all: --require-hashes --requirement /tmp/requirements.txt \
 && rm -r /tmp/uv /tmp/requirements.txt /tmp/requirements-uv.txt

FROM base AS files
COPY LICENSE alembic.ini models.py run_consumer.py ./
COPY app app
COPY migrations migrations
COPY playbooks playbooks
COPY deploy/consumer_health.py deploy/
RUN chmod -R u=rwX,go=rX /srv

FROM packages AS worker
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssh-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=files /srv /srv
USER 10001:10001
CMD ["celery", "-A", "app.tasks", "worker", "--loglevel=info", "-Q", "dns_tasks"]

FROM packages AS app
COPY --from=files /srv /srv
USER 10001:10001
EXPOSE 8000
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000"]
