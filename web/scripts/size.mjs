/** Prints the compressed size of the first page's script and fails past the limit. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 200_000;
const out = process.env.OFFSPEC_WEB_OUT ?? 'dist';

const sizes = readdirSync(out, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(js|css)$/.test(file) && statSync(join(out, file)).isFile())
  .map((file) => ({ file, gzip: gzipSync(readFileSync(join(out, file)), { level: 9 }).length }));
const script = sizes.filter((s) => s.file.endsWith('.js')).reduce((sum, s) => sum + s.gzip, 0);
for (const { file, gzip } of sizes) console.log(`${String(gzip).padStart(8)}  ${file}`);
console.log(`${String(script).padStart(8)}  all scripts, gzip (limit of the first page ${LIMIT})`);
if (script > LIMIT) process.exit(1);
