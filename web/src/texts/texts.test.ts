import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CoreError } from '../core/errors';
import { errorText } from '.';

it.each(['template', 'sidecar'])('has words for every rule that %s names', (name) => {
  const text = readFileSync(new URL(`../core/${name}.ts`, import.meta.url), 'utf8');
  const rules = [...text.matchAll(/wrong\([^;]*?, '(\w+)'\)/g)].map((m) => m[1] ?? '');
  expect(rules.length).toBeGreaterThan(5);
  for (const rule of rules) {
    const code = name === 'template' ? 'template_field' : 'annotation_field';
    const words = errorText(new CoreError(code, { key: 'k', value: 'v', rule }));
    expect(words, rule).toMatch(/^'k' is v\. It has to be (?!undefined).+\. Correct the file\.$/);
  }
});
