# One image for every role: `docker run millrace <role>`; Node runs the TypeScript, so nothing is built.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm

FROM node:24-bookworm-slim
ENV NODE_ENV=production \
    NODE_COMPILE_CACHE=/app/.cache \
    MILLRACE_HOST=0.0.0.0 \
    MILLRACE_DATA_DIR=/data
WORKDIR /app
# The C library keeps what hundreds of ended threads gave back, for good; this allocator returns it within ten seconds.
RUN apt-get update && apt-get install --yes --no-install-recommends libjemalloc2 && rm -rf /var/lib/apt/lists /var/cache/apt
ENV LD_PRELOAD=libjemalloc.so.2 \
    MALLOC_CONF=background_thread:true
RUN install --directory --owner=node --group=node .cache /data
COPY --from=dependencies /app/node_modules node_modules
COPY . .
USER node
# Node keeps what it has stripped and compiled, per user. Done here once, containers start in half the time
# and 20 MB smaller. The entries of threads refuse to run like this, after they were compiled.
RUN node main.ts --help > /dev/null && node --input-type=module --eval ' \
      import { globSync } from "node:fs"; \
      for (const file of globSync("{roles,*/**/*}.ts", { exclude: ["node_modules"] })) \
        await import("/app/" + file).catch(() => {})'
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=400ms --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/health').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "main.ts"]
CMD ["all"]
