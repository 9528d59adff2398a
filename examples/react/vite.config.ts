import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The page asks its own origin, which passes /graphql on to the gateway: no CORS. Elsewhere see CORS_ORIGINS. */
const proxy = {
  '/graphql': { target: process.env.GATEWAY_ORIGIN ?? 'http://localhost:4000', changeOrigin: true },
};

export default defineConfig({ plugins: [react()], server: { proxy }, preview: { proxy } });
