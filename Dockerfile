# Two stages: a build with everything, and an image with the program, certificate authorities and git's nothing else.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY .cargo ./.cargo
COPY Cargo.toml Cargo.lock rustfmt.toml clippy.toml ./
COPY src ./src
COPY schemas ./schemas
ARG ORDERLY_REVISION=""
RUN ORDERLY_REVISION="$ORDERLY_REVISION" cargo build --locked --profile dist --bin orderly

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/orderly --create-home --shell /usr/sbin/nologin orderly
COPY --from=build /src/target/dist/orderly /usr/bin/orderly
USER 10001:10001
ENV ORDERLY_STATE_DIR=/var/lib/orderly
VOLUME /var/lib/orderly
EXPOSE 8080
# tini reaps what steps leave behind; the agent itself gets every signal.
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/bin/orderly"]
CMD ["serve"]
