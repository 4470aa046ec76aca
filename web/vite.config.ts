import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where the built app goes: into the package, whose server shows it. */
const outDir = process.env.OFFSPEC_WEB_OUT ?? '../src/offspec/server/studio';

export default defineConfig({
  base: './',
  plugins: [react()],
  server: { proxy: { '/api': 'http://127.0.0.1:8000' } },
  build: { outDir, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0 },
});
