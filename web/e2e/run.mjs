/** Runs every check in the browser, one after another, and says how each ended. */

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const NOT_CHECKS = new Set([
  'run.mjs',
  'studio.mjs',
  'person.mjs',
  'pictures.mjs',
  'look.mjs',
  'api.mjs',
]);

const wanted = process.argv.slice(2);
const files = readdirSync(HERE)
  .filter((file) => file.endsWith('.mjs') && !NOT_CHECKS.has(file))
  .filter((file) => wanted.length === 0 || wanted.includes(file.replace('.mjs', '')))
  .sort();
const failed = [];
for (const file of files) {
  const start = Date.now();
  console.log(`\n=== ${file}`);
  const { status } = spawnSync(process.execPath, [HERE + file], { stdio: 'inherit' });
  console.log(
    `=== ${file}: ${status === 0 ? 'passed' : 'FAILED'} in ${((Date.now() - start) / 1000).toFixed(1)} s`,
  );
  if (status !== 0) failed.push(file);
}
console.log(
  failed.length === 0 ? `\nAll ${files.length} passed.` : `\nFailed: ${failed.join(', ')}`,
);
process.exit(failed.length === 0 ? 0 : 1);
