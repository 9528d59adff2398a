# The gateway without tests and tools. Without settings, it serves the embedded sandbox on port 4000.
# `docker build --target full .` builds an image that also has MCP, OpenTelemetry and the invalidation of routers' caches. `docker build --target import .` builds the
# import command and its worker.

FROM node:26.10-bookworm-slim AS import-dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages ./packages
# A package.json that names only what is installed, so that `npm sbom` misses nothing.
RUN npm ci --omit=dev --ignore-scripts --workspace=packages/import --include-workspace-root \
  && rm -r packages/inspect packages/invalidation packages/mcp packages/tracing \
  && npm pkg delete devDependencies && npm run --silent sbom > sbom.json

# docker run … IMAGE packages/import/main.ts profiles /data/people.csv. Without arguments, it runs a worker.
FROM node:26.10-bookworm-slim AS import
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY src ./src
COPY --from=import-dependencies /app/packages/import ./packages/import
COPY --from=import-dependencies /app/node_modules ./node_modules
COPY --from=import-dependencies /app/sbom.json ./
USER node
ENTRYPOINT ["node", "--max-semi-space-size=16", "--heap-growing-percent=50", "--disable-warning=ExperimentalWarning"]
CMD ["packages/import/worker.ts"]
ARG VERSION=0.1.0
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="datatrics-graphql-gateway-import" \
      org.opencontainers.image.description="Writes CSV and NDJSON files to the Datatrics REST API v2" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"

FROM node:26.10-bookworm-slim AS serving
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=4000
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY schema ./schema
COPY assets ./assets
COPY src ./src
USER node
EXPOSE 4000
# By bash, which takes 2 ms of CPU time. A second Node takes 100 ms, and 60 MB of memory.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && read -rt 2 _ status _ <&3 && [ \"$status\" = 200 ] || exit 1"]
CMD ["node", "--disable-warning=ExperimentalWarning", "src/start.js"]
ARG VERSION=0.1.0
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="datatrics-graphql-gateway" \
      org.opencontainers.image.description="A typed GraphQL gateway in front of the Datatrics REST API v2" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"

FROM node:26.10-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --workspaces=false --ignore-scripts \
  && npm pkg delete devDependencies workspaces && npm run --silent sbom > sbom.json

FROM node:26.10-bookworm-slim AS full-dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages ./packages
RUN npm ci --omit=dev --ignore-scripts --workspace=packages/invalidation --workspace=packages/mcp --workspace=packages/tracing \
  --include-workspace-root \
  && rm -r packages/import packages/inspect \
  && npm pkg delete devDependencies && npm run --silent sbom > sbom.json

FROM serving AS full
COPY --from=full-dependencies /app/packages ./packages
COPY --from=full-dependencies /app/node_modules ./node_modules
COPY --from=full-dependencies /app/sbom.json ./

FROM serving AS gateway
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=dependencies /app/sbom.json ./
