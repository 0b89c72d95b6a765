# One image for web, workers and control; docker-compose.yml says which is which.
FROM python:3.11-slim
# The shell tool runs what plans ask for, and plans ask for git.
RUN apt-get update \
    && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 controlroom \
    && install -d -o controlroom -g controlroom /data
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY . .
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/app \
    DJANGO_SETTINGS_MODULE=controlroom.settings \
    CONTROLROOM_DATA=/data
USER controlroom
VOLUME /data
EXPOSE 8000
CMD ["daphne", "-b", "0.0.0.0", "-p", "8000", "controlroom.asgi:application"]
