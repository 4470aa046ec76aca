import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('.', import.meta.url));

function importsOf(folder: string): [file: string, from: string][] {
  return readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /(?<!\.test)\.tsx?$/.test(file))
    .flatMap((file) => {
      const text = readFileSync(`${root}${folder}/${file}`, 'utf8');
      const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
      return [...found].map((m): [string, string] => [`${folder}/${file}`, m[1] ?? '']);
    });
}

it('the core imports only itself', () => {
  expect(importsOf('core').length).toBeGreaterThan(5);
  expect(importsOf('core').filter(([, from]) => !/^\.\/[a-z]+$/.test(from))).toEqual([]);
});

it('the core does not touch the page', () => {
  const files = readdirSync(`${root}core`).filter((f) => /(?<!\.test)\.ts$/.test(f));
  for (const file of files) {
    const text = readFileSync(`${root}core/${file}`, 'utf8');
    expect(text, file).not.toMatch(/\b(window\.|navigator\.|localStorage|HTML\w*Element)/);
    expect(text, file).not.toMatch(/\bdocument\.(create|query|body|getElement)/);
  }
});

it('the canvas knows no feature and no text', () => {
  const wrong = importsOf('canvas').filter(([, from]) => /features|components|texts/.test(from));
  expect(wrong).toEqual([]);
});

it('api and data know no page', () => {
  const wrong = [...importsOf('api'), ...importsOf('data')].filter(([, from]) =>
    /features|components|shell|texts/.test(from),
  );
  expect(wrong).toEqual([]);
});

it('nothing imports itself in a circle', () => {
  const edges = new Map<string, string[]>();
  for (const folder of [
    'core',
    'canvas',
    'api',
    'data',
    'components',
    'features',
    'shell',
    'texts',
  ]) {
    for (const [file, from] of importsOf(folder)) {
      if (!from.startsWith('.')) continue;
      const target = join(dirname(file), from);
      if (target.endsWith('.css')) continue;
      const found = [`${target}.ts`, `${target}.tsx`, `${target}/index.ts`, `${target}.d.ts`].find(
        (f) => existsSync(root + f),
      );
      edges.set(file, [...(edges.get(file) ?? []), found ?? `missing ${target}`]);
    }
  }
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    expect(path, 'a circle').not.toContain(file);
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  expect(done.size).toBeGreaterThan(30);
});

it('words stand in texts only', () => {
  for (const folder of ['canvas', 'components', 'features', 'shell']) {
    for (const file of readdirSync(root + folder, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.tsx')) continue;
      const text = readFileSync(`${root}${folder}/${file}`, 'utf8');
      expect(text, file).not.toMatch(/<(\w+)[^<>]*>\s*[A-Z][a-z]+[^<>{}()=;]*<\/\1>/);
      expect(text, file).not.toMatch(/\b(aria-label|title|label|placeholder|alt)="[A-Za-z]/);
    }
  }
});
