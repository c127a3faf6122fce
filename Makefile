# Ritz: build, test and run. `make help` lists the targets.

GO      ?= go
OUT     ?= out
JOB     ?= tests/jobs/digits.yaml
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 60s
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# go-nvml's generated code warns of NVIDIA's own deprecations.
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations

# Without cgo neither a C compiler nor OpenBLAS is needed.
ifeq ($(CGO_ENABLED),0)
DEPS :=
else
DEPS := deps
endif

.PHONY: help run build test race lint bench fuzz cross image deps clean ptx check-ptx \
	check-cuda-abi check-cuda-kernels check-cuda-driver gpu-bundle

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

run: build ## build, then run the four kernels on the MNIST test images
	bin/ritz run $(JOB) -o $(OUT)

build: $(DEPS) ## build bin/ritz
	$(GO) build -trimpath -ldflags '-X main.linked=$(VERSION)' -o bin/ritz ./cmd/ritz

test: $(DEPS) ## run all tests
	$(GO) test -timeout 20m ./...

race: $(DEPS) ## run the tests under the race detector
	$(GO) test -race -short -timeout 30m ./...

lint: $(DEPS) ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	CGO_ENABLED=0 $(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

bench: build ## compare with NumPy, SciPy, scikit-learn and POT on this machine
	@sh tests/image/install.sh peers
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE bin/ritz bench --peers --growth

fuzz: $(DEPS) ## run every fuzz target for FUZZTIME
	sh tests/fuzz.sh $(FUZZTIME)

cross: ## build the pure Go command for other systems
	CGO_ENABLED=0 GOOS=linux   GOARCH=amd64 $(GO) build ./...
	CGO_ENABLED=0 GOOS=linux   GOARCH=arm64 $(GO) build ./...
	CGO_ENABLED=0 GOOS=darwin  GOARCH=arm64 $(GO) build ./...
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(GO) build ./...

image: ## run the Dockerfile's steps in a fresh Debian, without a Docker engine (root)
	sh tests/image/chroot.sh

ptx: ## translate the GPU kernels again, which needs no SDK
	@sh tests/image/install.sh ptx
	sh native/cuda/ptx.sh native/cuda

check-ptx: ## fail if the committed PTX is not that of the sources
	@sh tests/image/install.sh ptx
	sh native/cuda/check-ptx.sh

check-cuda-abi: ## compare our declarations with NVIDIA's headers and libraries (fetches 2.4 GB)
	sh tests/gpu/sdk/abi.sh
	sh tests/gpu/sdk/libraries.sh

check-cuda-kernels: ## compile the GPU kernels with NVIDIA's compilers (fetches 120 MB)
	sh tests/gpu/sdk/kernels.sh

check-cuda-driver: build ## what is said on NVIDIA's driver without a GPU (fetches 8 MB)
	sh tests/gpu/sdk/driver.sh

gpu-bundle: build ## put all that a GPU machine needs to test and measure into OUT/gpu-bundle.tar.gz
	sh tests/gpu/bundle.sh $(OUT)

deps: ## install OpenBLAS if the linker does not find it (Debian, Ubuntu)
	@sh tests/image/install.sh build

clean: ## remove what was built
	rm -rf bin $(OUT)
