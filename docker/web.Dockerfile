# The web image: the command `vitrine`, without a shell or a package manager. Needs BuildKit.
#
# The compilers run natively on the build machine and cross-compile: an emulated compiler would take
# hours. The last stage therefore only copies files and runs nothing.

# Both base images are from the same Debian release, so that the program finds its C library. The
# runtime image needs only that library, libgcc_s and CA certificates.
ARG BUILD_IMAGE=rust:1.95-slim-trixie
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS tools
ARG TARGETARCH
WORKDIR /vitrine
COPY docker/compile.sh docker/
RUN docker/compile.sh tools

# The manifests and empty sources, which determine the dependencies. This stage runs again when any
# file changes, but the next one is cached unless the content of /skeleton changes.
FROM tools AS skeleton
COPY . .
RUN docker/compile.sh skeleton

# The slowest layer, cached until Cargo.lock or a manifest changes.
FROM tools AS dependencies
COPY --from=skeleton /skeleton .
RUN docker/compile.sh dependencies

FROM dependencies AS program
COPY . .
RUN docker/compile.sh program

FROM ${RUNTIME_IMAGE}
# The folder is writable for any user of the container, also on a new volume.
COPY --from=program --chown=10001:10001 /image/state/ /var/lib/
COPY --from=program /image/vitrine /usr/local/bin/vitrine

ENV VITRINE_BIND=0.0.0.0:8080 \
    VITRINE_DATA=/var/lib/vitrine
USER 10001:10001
VOLUME /var/lib/vitrine
EXPOSE 8080
# The first start migrates the database before the server answers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/vitrine", "health"]
ENTRYPOINT ["/usr/local/bin/vitrine"]
CMD ["serve"]

# Last, because they change with every commit and would invalidate the cache.
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Vitrine" \
      org.opencontainers.image.description="Photos in; thumbnails, captions and anonymised copies out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
