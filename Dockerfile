# One image for CPU and GPU nodes. For GPU nodes choose a base with the CUDA
# libraries (the driver's own come from the NVIDIA Container Toolkit):
#   docker build --build-arg BASE=nvidia/cuda:12.4.1-runtime-ubuntu22.04 -t ritz .
# Any base with glibc 2.34 or later does: nothing is installed or run in it.
ARG BASE=debian:bookworm-slim

FROM golang:1.25-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# ritz brings OpenBLAS along. Bases have it under different names, or not at all.
RUN CGO_LDFLAGS='-Wl,--disable-new-dtags,-rpath,$ORIGIN/../lib/ritz' make build
RUN sh tests/image/libraries.sh bin/ritz /image/lib && mkdir -p /image/home/ritz

FROM ${BASE}
COPY --from=build /src/bin/ritz /usr/local/bin/ritz
COPY --from=build /image/lib/ /usr/local/lib/ritz/
COPY --from=build --chown=10001:10001 /image/home/ /home/
# A number, so that Kubernetes can see that it is not root's.
USER 10001:10001
WORKDIR /home/ritz
# What the container toolkit makes visible: compute for CUDA, utility for NVML.
# Which GPUs, NVIDIA_VISIBLE_DEVICES, is for whoever starts the container to say.
ENV HOME=/home/ritz NVIDIA_DRIVER_CAPABILITIES=compute,utility
ENTRYPOINT ["/usr/local/bin/ritz"]
CMD ["devices"]
