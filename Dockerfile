# One image for web and worker. CPU by default; the same image uses a GPU where the runtime gives it one.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 atelier && install -d -m 700 -o atelier /data
WORKDIR /srv/atelier
# Dependencies first: they change rarely and weigh gigabytes.
COPY requirements.lock requirements-build.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements-build.lock \
    && pip install --no-cache-dir --require-hashes --no-build-isolation --requirement requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .
USER atelier
ENV ATELIER_DATA=/data ATELIER_HOST=0.0.0.0 PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
CMD ["uvicorn", "app.main:create_app", "--factory", "--host", "0.0.0.0", "--port", "8000", "--http", "app.server.protocol:Protocol", "--no-server-header", "--no-proxy-headers", "--no-access-log"]
