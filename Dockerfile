# The image of skychat: a stage that builds the executable, and a slim one that runs it. How to build,
# run and upgrade it: docs/CONTAINER.md. tests/release/container_tree_test.ts reads this file and runs
# what it describes.

# Compiled on the machine that builds, for the one that runs: no emulated compiler.
FROM --platform=$BUILDPLATFORM node:24.20.0-bookworm-slim AS build
WORKDIR /src
COPY . .
# By default the label of the image says "unstated"; any other value must be the version of deno.json.
ARG VERSION=unstated
ARG TARGETARCH
RUN case "$TARGETARCH" in \
      amd64) target=x86_64-unknown-linux-gnu ;; \
      arm64) target=aarch64-unknown-linux-gnu ;; \
      *) echo "no executable for \"$TARGETARCH\": amd64 or arm64" >&2; exit 1 ;; \
    esac \
 && version=$(node -p 'require("./deno.json").version') \
 && { [ "$VERSION" = unstated ] || [ "$VERSION" = "$version" ] \
      || { echo "VERSION is $VERSION, deno.json says $version" >&2; exit 1; }; } \
 && npx -y deno@2.9.6 task build --target "$target" \
 && install -D -m 0755 "dist/skychat-$version-$target" /out/skychat \
 && install -m 0644 "dist/skychat-$version.licences.txt" /out/copyright

# Needs glibc 2.27 or newer and libgcc_s, which this base has; nothing is installed.
FROM debian:12.13-slim
ARG VERSION=unstated
LABEL org.opencontainers.image.title="skychat" \
      org.opencontainers.image.description="Encrypted chat for people who run their own nodes" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /out/skychat /usr/local/bin/skychat
# Where Debian keeps what the licences of the parts ask to be handed on.
COPY --from=build /out/copyright /usr/share/doc/skychat/copyright
# A new named volume takes owner and mode from here, so the node can write to it.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/skychat
# Names for keys (`skychat alias`) are kept below HOME.
ENV HOME=/var/lib/skychat
WORKDIR /var/lib/skychat
VOLUME /var/lib/skychat
# Numeric, so that whoever starts the image can tell without its /etc/passwd that this is not root.
USER 10001:10001
EXPOSE 8800
STOPSIGNAL SIGTERM
# Whether the node answers, not whether its disk or its peers do: a restart would mend neither.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
  CMD ["skychat", "status"]
ENTRYPOINT ["skychat"]
# The control surface stays on the loopback of the container, where `docker exec` reaches it.
CMD ["app", "--standalone", "-c", "/var/lib/skychat/key.json", \
     "--addr", "127.0.0.1:8001", "--tcp-listen", ":8800", \
     "--persist", "--persist-db", "/var/lib/skychat/history.db"]
