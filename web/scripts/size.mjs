/** Prints the compressed size of every file and fails when the first page's scripts pass the limit. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT = 200_000;
const out = process.env.OFFSPEC_WEB_OUT ?? '../src/offspec/server/studio';
/** What is open after signing in, and the first page of a project. */
const FIRST = [/^index-/, /^TemplatePage-/];

const sizes = new Map(
  readdirSync(out, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(js|css)$/.test(file) && statSync(join(out, file)).isFile())
    .map((file) => [
      basename(file),
      {
        text: readFileSync(join(out, file), 'utf8'),
        gzip: gzipSync(readFileSync(join(out, file)), { level: 9 }).length,
      },
    ]),
);
const first = new Set();
function visit(name) {
  if (first.has(name) || !name.endsWith('.js') || !sizes.has(name)) return;
  first.add(name);
  for (const [, next] of sizes.get(name).text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g))
    visit(next);
}
for (const name of sizes.keys()) if (FIRST.some((rule) => rule.test(name))) visit(name);
for (const [name, { gzip }] of sizes)
  console.log(`${String(gzip).padStart(8)}  ${name}${first.has(name) ? '  (first page)' : ''}`);
const script = [...first].reduce((sum, name) => sum + sizes.get(name).gzip, 0);
console.log(`${String(script).padStart(8)}  scripts of the first page, gzip (limit ${LIMIT})`);
if (first.size < 2 || script > LIMIT) process.exit(1);
