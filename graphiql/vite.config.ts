import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** GraphiQL's style sheet holds half a megabyte of fonts as text; the page uses the system's. */
const dropFonts: Plugin = {
  name: 'drop-fonts',
  enforce: 'pre',
  transform(code, id) {
    return id.includes('/graphiql/dist/style.css') ? code.replaceAll(/@font-face\s*\{[^}]*\}/g, '') : undefined;
  },
};

export default defineConfig({
  base: '/graphiql/',
  plugins: [dropFonts, react()],
  worker: { format: 'es' },
  build: {
    manifest: 'manifest.json',
    license: { fileName: 'LICENSES.md' },
    target: 'es2022',
    assetsDir: '',
    // What a style needs it finds as a file: the page's policy allows few things in line.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 5_000,
    rollupOptions: { input: 'src/boot.ts' },
  },
});
