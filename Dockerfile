# The run-time dependencies alone: no pinned Node, no development tools; the image brings its own Node.
FROM node:26-trixie-slim AS packages
WORKDIR /opt/latchkey
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:26-trixie-slim
# Ports below 1024 without root: the kernel lets containers of common engines bind them
# (net.ipv4.ip_unprivileged_port_start=0 inside a container's own network namespace).
RUN apt-get update \
  && apt-get install -y --no-install-recommends libatomic1 ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10443 latchkey \
  && useradd --uid 10443 --gid 10443 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin latchkey \
  && install -d -o latchkey -g latchkey -m 0700 /var/lib/latchkey /var/cache/latchkey
COPY --from=packages /opt/latchkey/node_modules /opt/latchkey/node_modules
COPY package.json LICENSE README.md /opt/latchkey/
COPY src /opt/latchkey/src
COPY config /opt/latchkey/config
# Not in /opt/latchkey, whose own config/ is the demo: a plain `run` finds /etc/latchkey/latchkey.yaml.
WORKDIR /
USER 10443:10443
# Compiled code of the program, for a quick start: a container that may write nothing reads it all the same.
ENV NODE_COMPILE_CACHE=/var/cache/latchkey
RUN sh /opt/latchkey/src/latchkey.sh --compile
# Accounts, keys and certificates: without a volume each new container orders everything again.
VOLUME /var/lib/latchkey
EXPOSE 80 443
STOPSIGNAL SIGTERM
# A container that runs with another --config wants `docker run --health-cmd "node /opt/latchkey/src/cli/healthcheck.ts FILE"`.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "/opt/latchkey/src/cli/healthcheck.ts"]
# Mount your file at /etc/latchkey/latchkey.yaml.
ENTRYPOINT ["sh", "/opt/latchkey/src/latchkey.sh"]
CMD ["run"]
