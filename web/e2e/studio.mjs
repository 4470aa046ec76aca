/**
 * What every check in the browser needs: a server on an empty folder, Chromium signed in, axe,
 * pictures, and the count of what a person would have to do.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Api } from './api.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The interpreter that has offspec. */
export const PYTHON = process.env.OFFSPEC_PYTHON ?? join(ROOT, '.venv/bin/python');
const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);
export const PICTURES = process.env.OFFSPEC_PICTURES ?? join(ROOT, 'web/look');

const problems = [];

export function expect(isTrue, what) {
  console.log(`${isTrue ? 'ok  ' : 'BAD '} ${what}`);
  if (!isTrue) problems.push(what);
}

/** Ends the program: 1 when anything was wrong. */
export function finish() {
  console.log(problems.length === 0 ? 'All good.' : `${problems.length} wrong.`);
  process.exit(problems.length === 0 ? 0 : 1);
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/**
 * `offspec serve` on an empty folder. `OFFSPEC_PYTHON` names the interpreter; `more` are further
 * options such as `--demo`.
 */
export async function startServer(more = []) {
  mkdirSync(PICTURES, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), 'offspec-e2e-'));
  const port = await freePort();
  const server = spawn(
    PYTHON,
    ['-u', '-m', 'offspec.cli', 'serve', '--data', data, '--port', String(port), ...more],
    { stdio: ['ignore', 'pipe', openSync(join(PICTURES, 'server.log'), 'a')] },
  );
  let said = '';
  await new Promise((resolve, reject) => {
    server.stdout.on('data', (chunk) => {
      said += chunk;
      if (said.includes('offspec on http')) resolve();
    });
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const live = await fetch(`${url}/api/v1/health/ready`).catch(() => null);
    if (live?.ok) break;
    if (tries > 150) throw new Error('the server does not answer');
    await new Promise((done) => setTimeout(done, 200));
  }
  const password = said.match(/^ {2}(\S+)$/m)?.[1];
  return {
    url,
    password,
    data,
    stop() {
      return new Promise((resolve) => {
        server.removeAllListeners('exit');
        server.on('exit', () => {
          rmSync(data, { recursive: true, force: true });
          resolve();
        });
        server.kill('SIGTERM');
      });
    },
  };
}

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
}

/** A page that is signed in; what goes wrong in it is reported, but for what `mayFail` names. */
export async function signedIn(browser, server, options = {}) {
  const { name = 'admin', password = server.password, mayFail, ...context } = options;
  const page = await (
    await browser.newContext({ viewport: { width: 1280, height: 800 }, ...context })
  ).newPage();
  page.on('pageerror', (error) => expect(false, `no error in the page: ${error.message}`));
  page.on('console', (message) => {
    const isSession = message.location().url.endsWith('/session'); // 401 is an answer
    if (message.type() === 'error' && !isSession && !mayFail?.test(message.text()))
      expect(false, `nothing on the console: ${message.text()}`);
  });
  await page.goto(server.url);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Projects', level: 1 }).waitFor();
  return page;
}

/** Nothing serious or critical, by axe-core. */
export async function axe(page, where) {
  // As an init script would, outside the page's own policy.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ['violations'] }),
  );
  const serious = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  const minor = found.violations.filter((v) => !serious.includes(v)).map((v) => v.id);
  for (const v of serious)
    console.log(`     ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 200)).join('\n       ')}`);
  expect(
    serious.length === 0,
    `axe: nothing serious on ${where} (lesser: ${minor.join(', ') || 'none'})`,
  );
}

export async function shot(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/** Creates a project from the list of projects, and returns its id. */
export async function newProject(page, server, name) {
  await page.goto(`${server.url}/#/`);
  await page.getByLabel('Name of the new project').fill(name);
  await page.getByRole('button', { name: 'Create project' }).click();
  await page.waitForURL(/#\/p\/[^/]+\/template/);
  return page.url().match(/#\/p\/([^/]+)/)[1];
}

/** To another page of the studio, without loading it anew. */
export const goTo = (page, hash) =>
  page.evaluate((to) => {
    location.hash = to;
  }, hash);

/** What the check of one new project begins with; `P` is its path in the API. */
export async function begin(name) {
  const server = await startServer();
  const browser = await launch();
  const page = await signedIn(browser, server);
  const api = await Api.signIn(server);
  const id = await newProject(page, server, name);
  const to = (rest) => goTo(page, `#/p/${id}/${rest}`);
  return { server, browser, page, api, id, P: `/projects/${id}`, to };
}

/** Ask the server as the page's person does. */
export function ask(page, method, path, body) {
  return page.evaluate(
    async ([how, where, what]) => {
      const { csrf } = await (await fetch('/api/v1/session')).json();
      const answer = await fetch(`/api/v1${where}`, {
        method: how,
        headers: { 'X-CSRF-Token': csrf, 'content-type': 'application/json' },
        ...(what === undefined ? {} : { body: JSON.stringify(what) }),
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${how} ${where}: ${answer.status} ${text}`);
      return text ? JSON.parse(text) : null;
    },
    [method, path, body],
  );
}

/** Presses a button that asks for files, and gives it these. */
export async function giveFiles(page, button, files) {
  const chooser = page.waitForEvent('filechooser');
  await button.click();
  await (await chooser).setFiles(files);
}

/** Image pixels to screen pixels, while the whole image is in view. */
export async function screenOf(page, width, height) {
  const box = await page.locator('.viewer:visible').boundingBox();
  const scale = Math.min((box.width - 48) / width, (box.height - 48) / height, 8);
  return (x, y) => [
    box.x + box.width / 2 + (x - width / 2) * scale,
    box.y + box.height / 2 + (y - height / 2) * scale,
  ];
}

export async function drag(page, ...points) {
  const [first, ...rest] = points;
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const [x, y] of rest) await page.mouse.move(x, y, { steps: 4 });
  await page.mouse.up();
}
