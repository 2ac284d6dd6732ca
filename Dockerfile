# A public app: docker build -t dance . && docker run -p 8501:8501 dance (docs/hosting.md)
FROM python:3.11-slim-bookworm

# What the Qt inside OpenCV loads from the system.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 dance

WORKDIR /srv/dance
COPY requirements-serve-lock.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-serve-lock.txt
COPY app.py NOTICE LICENSE ./
COPY .streamlit .streamlit
COPY pages pages
COPY core core
COPY assets assets
COPY weights weights

ENV DANCE_HOSTED=1 PYTHONUNBUFFERED=1
USER dance
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.port", "8501", "--server.address", "0.0.0.0"]
