import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { iconNames, patches, withoutDefaultDocs, withoutDiffEditors, withoutFonts } from './patches.ts';

export default defineConfig({
  // Every file names the others relative to itself: a proxy may serve them below any path.
  base: './',
  plugins: [patches(), withoutFonts, withoutDefaultDocs, withoutDiffEditors, iconNames, react()],
  resolve: {
    alias: [
      {
        find: 'monaco-editor/esm/vs/editor/edcore.main.js',
        replacement: fileURLToPath(new URL('./src/monaco.ts', import.meta.url)),
      },
    ],
  },
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
