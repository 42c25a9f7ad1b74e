# The web image: the command `vitrine`, without a shell or a package manager. Needs BuildKit.
#
# The compilers run on the building machine's own processor, whichever processor the image is for:
# an emulated compiler would take hours. So nothing can be run in the last stage, only copied.

# Both are of the same Debian, so that the program finds the C library it was linked with. The
# second one needs nothing but that, libgcc_s and the certificates of the public authorities.
ARG BUILD_IMAGE=rust:1.95-slim-trixie
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS tools
ARG TARGETARCH
WORKDIR /vitrine
COPY docker/compile.sh docker/
RUN docker/compile.sh tools

# What the dependencies are determined by: the manifests, beside sources with nothing in them. It
# is made anew whenever any file changes, but it only counts as changed if its content is.
FROM tools AS skeleton
COPY . .
RUN docker/compile.sh skeleton

# The layer that takes most of the time, and is kept until Cargo.lock or a manifest changes.
FROM tools AS dependencies
COPY --from=skeleton /skeleton .
RUN docker/compile.sh dependencies

FROM dependencies AS program
COPY . .
RUN docker/compile.sh program

FROM ${RUNTIME_IMAGE}
# Whoever the container runs as may write there, on a fresh volume too.
COPY --from=program --chown=10001:10001 /image/state/ /var/lib/
COPY --from=program /image/vitrine /usr/local/bin/vitrine

ENV VITRINE_BIND=0.0.0.0:8080 \
    VITRINE_DATA=/var/lib/vitrine
USER 10001:10001
VOLUME /var/lib/vitrine
EXPOSE 8080
# The first start brings the database's schema up to date before it answers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/vitrine", "health"]
ENTRYPOINT ["/usr/local/bin/vitrine"]
CMD ["serve"]

# Last, because they differ with every commit.
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Vitrine" \
      org.opencontainers.image.description="Photos in; thumbnails, captions and anonymised copies out" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
