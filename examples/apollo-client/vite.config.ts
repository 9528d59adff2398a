import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const gateway = new URL(process.env.GATEWAY_URL ?? 'http://localhost:4000/graphql');

const port = Number(process.env.PORT ?? 5173);

/** The page sends requests to its origin, and Vite forwards /graphql to the gateway: no CORS. Otherwise, set CORS_ORIGINS. */
const proxy = {
  '/graphql': { target: gateway.origin, changeOrigin: true, rewrite: () => gateway.pathname },
};

export default defineConfig({ plugins: [react()], server: { port, proxy }, preview: { port, proxy } });
