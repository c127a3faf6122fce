# One image for CPU and GPU nodes. For GPU nodes choose a base with the CUDA
# libraries (the driver's own come from the NVIDIA Container Toolkit):
#   docker build --build-arg BASE=nvidia/cuda:12.4.1-runtime-ubuntu22.04 -t ritz .
ARG BASE=debian:bookworm-slim

FROM golang:1.25-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build

FROM ${BASE}
COPY tests/image/install.sh /tmp/install.sh
RUN sh /tmp/install.sh runtime && rm -rf /tmp/install.sh /var/lib/apt/lists/*
COPY --from=build /src/bin/ritz /usr/local/bin/ritz
RUN useradd --create-home --uid 10001 ritz
USER ritz
WORKDIR /home/ritz
# What the container toolkit makes visible: compute for CUDA, utility for NVML.
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENTRYPOINT ["ritz"]
CMD ["devices"]
