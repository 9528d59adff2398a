import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The page sends requests to its origin, and Vite forwards /graphql to the gateway: no CORS. Otherwise, set CORS_ORIGINS. */
const proxy = {
  '/graphql': { target: process.env.GATEWAY_ORIGIN ?? 'http://localhost:4000', changeOrigin: true },
};

export default defineConfig({ plugins: [react()], server: { proxy }, preview: { proxy } });
