# The gateway without tests and tools. Without settings, it serves the embedded sandbox on port 4000.
# `docker build --target full .` builds an image that also has packages/: MCP and OpenTelemetry.

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
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--disable-warning=ExperimentalWarning", "src/start.js"]

# The optional dependencies are for `npm run import`; the gateway does not need them.
FROM node:26.10-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --workspaces=false --ignore-scripts

FROM node:26.10-bookworm-slim AS full-dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages ./packages
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM serving AS full
COPY --from=full-dependencies /app/packages ./packages
COPY --from=full-dependencies /app/node_modules ./node_modules

FROM serving AS gateway
COPY --from=dependencies /app/node_modules ./node_modules
