import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where the built app goes; the release sets it to `../src/offspec/server/static`. */
const outDir = process.env.OFFSPEC_WEB_OUT ?? 'dist';

export default defineConfig({
  base: './',
  plugins: [react()],
  build: { outDir, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0 },
});
