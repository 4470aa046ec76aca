/**
 * Looks at the built app in Chromium: draws, saves, checks with axe and takes screenshots.
 *
 *   npm run build && npm run look          pictures in look/
 *   CHROMIUM=/path/to/chromium npm run look
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build } from 'vite';

const OUT = process.env.OFFSPEC_WEB_OUT ?? '../src/offspec/server/studio';
const PICTURES = 'look';
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'";
const axeSource = readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
);

const problems = [];
function expect(isTrue, what) {
  console.log(`${isTrue ? 'ok  ' : 'BAD '} ${what}`);
  if (!isTrue) problems.push(what);
}

/** A tile that shows its own address, so that a picture tells whether it lies where it should. */
function tile(path) {
  const [level, x, y] = path.match(/\d+/g).map(Number);
  const hue = (level * 67 + 190) % 360;
  const shade = (x + y) % 2 ? 46 : 54;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512"><rect width="512" height="512" fill="hsl(${hue} 30% ${shade}%)"/><text x="24" y="90" font-size="72" fill="#fff">${level}: ${x}, ${y}</text></svg>`;
}

const asked = [];

function serve() {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://x').pathname).replace(
      /^\/$/,
      '/index.html',
    );
    try {
      const isTile = path.startsWith('/tile/');
      if (isTile) asked.push(path);
      const from = path.startsWith('/bench/') ? PICTURES : OUT;
      const body = isTile ? tile(path) : readFileSync(join(from, path));
      response.writeHead(200, {
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        'content-security-policy': POLICY,
      });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

/** A part to draw on: a board with a dark chip, a disc and a label, made in the page. */
async function picture(page) {
  const data = await page.evaluate(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1600, 1100];
    const c = canvas.getContext('2d');
    c.fillStyle = '#b9bfc2';
    c.fillRect(0, 0, 1600, 1100);
    c.fillStyle = '#2f6b4f';
    c.fillRect(120, 90, 1360, 920);
    c.fillStyle = '#20242a';
    c.fillRect(260, 220, 420, 320);
    c.fillStyle = '#d9b44a';
    c.beginPath();
    c.arc(1120, 400, 150, 0, 7);
    c.fill();
    c.fillStyle = '#f4f1e8';
    c.fillRect(860, 700, 460, 170);
    c.fillStyle = '#222';
    c.font = '64px sans-serif';
    c.fillText('SN 004217', 900, 805);
    for (let i = 0; i < 14; i++) {
      c.fillStyle = '#d8dde0';
      c.fillRect(280 + i * 28, 190, 14, 30);
      c.fillRect(280 + i * 28, 540, 14, 30);
    }
    return canvas.toDataURL('image/png').split(',')[1];
  });
  return Buffer.from(data, 'base64');
}

async function axe(page, where) {
  // As an init script would, outside the page's own policy.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() =>
    window.axe.run(document, { resultTypes: ['violations'] }),
  );
  const serious = found.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
  const minor = found.violations.filter((v) => !serious.includes(v)).map((v) => v.id);
  for (const v of serious)
    console.log(`     ${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join('\n       ')}`);
  expect(
    serious.length === 0,
    `axe: nothing serious on ${where} (lesser: ${minor.join(', ') || 'none'})`,
  );
}

const shot = (page, name) => page.screenshot({ path: join(PICTURES, `${name}.png`) });

/** Image pixels to screen pixels, by what the page says of the drawn region list. */
async function screenOf(page) {
  const box = await page.locator('.viewer').boundingBox();
  const scale = Math.min((box.width - 48) / 1600, (box.height - 48) / 1100, 8);
  return (x, y) => [
    box.x + box.width / 2 + (x - 800) * scale,
    box.y + box.height / 2 + (y - 550) * scale,
  ];
}

async function drag(page, from, to) {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
  await page.mouse.move(...to);
  await page.mouse.up();
}

async function saveAndRead(page) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.keyboard.press('Control+s'),
  ]);
  return readFileSync(await download.path(), 'utf8');
}

async function drawByMouse(page) {
  const at = await screenOf(page);
  await page.keyboard.press('r');
  await drag(page, at(240, 170), at(700, 580));
  await page.keyboard.press('p');
  for (const p of [
    [840, 680],
    [1340, 680],
    [1340, 890],
    [840, 890],
  ])
    await page.mouse.click(...at(...p));
  await page.mouse.click(...at(840, 680));
  await page.keyboard.press('e');
  await drag(page, at(960, 240), at(1280, 560));
  await page.keyboard.press('x');
  await page.keyboard.press('r');
  await drag(page, at(890, 740), at(1240, 830));
  await page.keyboard.press('x');
  await page.keyboard.press('v');
  await page.mouse.click(...at(400, 300));
}

async function drawByKeyboard(page) {
  const viewer = page.locator('.viewer');
  await viewer.focus();
  await page.keyboard.press('r');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowRight');
  for (let i = 0; i < 2; i++) await page.keyboard.press('Shift+ArrowDown');
  await shot(page, 'keyboard');
  await page.keyboard.press('Enter');
  const count = await page.locator('.region-row-region').count();
  await page.keyboard.press('v');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Alt+ArrowDown');
  await page.keyboard.press('Control+d');
  const copied = await page.locator('.region-row-region').count();
  await page.keyboard.press('Control+z');
  const undone = await page.locator('.region-row-region').count();
  expect(count === 4 && copied === 5 && undone === 4, 'keyboard draws, copies and undoes');
  await page.keyboard.press('n');
  await page.keyboard.press('b');
  await page.keyboard.press('Delete');
  expect((await page.locator('.region-row-region').count()) === 3, 'keyboard selects and deletes');
}

/** Names, numbers, locks and the split proposal, by the panel. */
async function editByPanel(page) {
  await page.getByRole('button', { name: /^Region 1/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Chip');
  await page.getByLabel('Width', { exact: true }).fill('1200');
  await page.keyboard.press('Enter');
  await page.getByLabel('Resolution').selectOption('fast');
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  const isLocked = await page.getByLabel('Width', { exact: true }).isDisabled();
  await page.keyboard.press('l');
  await shot(page, 'split');
  await page.getByRole('button', { name: 'Split into 3 regions' }).click();
  const { regions } = JSON.parse(await saveAndRead(page));
  const names = regions.slice(0, 3).map((r) => r.name);
  expect(
    isLocked && String(names) === 'Chip 1,Chip 2,Chip 3',
    `the panel names, locks and splits (${names})`,
  );
  await page.getByLabel('Theme').selectOption('dark');
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.getByLabel('Theme').selectOption('auto');
  expect(ground === 'rgb(15, 20, 24)', 'the theme is switched by hand');
}

async function look(browser, address, theme, width, height) {
  const name = `${theme}-${width}`;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    acceptDownloads: true,
  });
  const page = await context.newPage();
  page.on('console', (m) => m.type() === 'error' && expect(false, `${name} console: ${m.text()}`));
  page.on('pageerror', (error) => expect(false, `${name}: ${error.message}`));
  await page.goto(address);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Open image' }).waitFor();
  await axe(page, `${name} empty`);
  await shot(page, `${name}-empty`);
  const image = { name: 'board.png', mimeType: 'image/png', buffer: await picture(page) };
  await page.setInputFiles('#reference-files', image);
  await page.locator('.viewer svg').waitFor();
  await page.locator('.viewer').focus();
  await drawByMouse(page);
  const text = await saveAndRead(page);
  const template = JSON.parse(text);
  const [rectangle, polygon, ellipse] = template.regions;
  const near = (points, wanted) =>
    points.every((p, i) => p.every((v, j) => Math.abs(v - wanted[i][j]) <= 3));
  expect(
    near(rectangle.points_xy, [
      [240, 170],
      [700, 580],
    ]),
    `${name} rectangle where it was drawn`,
  );
  expect(
    near(polygon.points_xy, [
      [840, 680],
      [1340, 680],
      [1340, 890],
      [840, 890],
    ]),
    `${name} polygon where it was drawn`,
  );
  expect(
    ellipse.shape === 'ellipse' && polygon.exclusions.length === 1,
    `${name} ellipse and exclusion`,
  );
  writeFileSync(join(PICTURES, 'template.json'), text);
  writeFileSync(join(PICTURES, 'board.png'), image.buffer);
  await page.waitForTimeout(150);
  await axe(page, `${name} with regions`);
  await shot(page, `${name}-regions`);
  await page.getByRole('tab', { name: 'Template' }).click();
  await axe(page, `${name} template settings`);
  await shot(page, `${name}-settings`);
  await page.getByRole('tab', { name: 'Regions' }).click();
  if (name === 'light-1280') {
    await drawByKeyboard(page);
    await page.setInputFiles('#reference-files', [
      image,
      { name: 'template.json', mimeType: 'application/json', buffer: Buffer.from(text) },
    ]);
    await page.getByRole('button', { name: 'Open without saving' }).click();
    await page.getByText('Template opened: 3 regions.').waitFor();
    expect((await saveAndRead(page)) === text, 'an opened template is saved as it was');
    await page.locator('.viewer').focus();
    await page.keyboard.press('Control+a');
    await page.getByRole('button', { name: 'Align left edges' }).click();
    await page.keyboard.press('Control+z');
    expect((await saveAndRead(page)) === text, 'aligning is undone');
    await editByPanel(page);
    await page.setInputFiles('#reference-files', {
      name: 'notes.txt',
      mimeType: 'text/plain',
      buffer: Buffer.from('x'),
    });
    await page.getByText("'notes.txt' cannot be shown").waitFor();
    await shot(page, 'error');
  }
  await page.getByRole('button', { name: 'Keyboard' }).click();
  await axe(page, `${name} dialog`);
  await shot(page, `${name}-keys`);
  await page.keyboard.press('Escape');
  for (const other of ['train', 'inspect', 'administration']) {
    await page.goto(`${address}#/${other}`);
    await page.getByRole('heading', { level: 2, name: /No / }).waitFor();
    if (other === 'train') await axe(page, `${name} ${other}`);
  }
  await shot(page, `${name}-administration`);
  await context.close();
}

/** The viewer on 70 megapixels of tiles: brush, eraser, wheel and two fingers. */
async function lookAtBench(browser, address) {
  await build({
    configFile: false,
    logLevel: 'error',
    root: fileURLToPath(new URL('bench', import.meta.url)),
    base: '/bench/',
    build: {
      outDir: fileURLToPath(new URL(`../${PICTURES}/bench`, import.meta.url)),
      emptyOutDir: true,
    },
  });
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    hasTouch: true,
  });
  const page = await context.newPage();
  page.on('pageerror', (error) => expect(false, `bench: ${error.message}`));
  await page.goto(`${address}bench/index.html`);
  await page.locator('.viewer svg').waitFor();
  await page.waitForTimeout(300);
  const sidecar = async () => JSON.parse(await page.locator('#sidecar').textContent());
  const scale = async () => Number(await page.locator('#sidecar').getAttribute('data-scale'));
  await page.locator('.viewer').focus();
  await drag(page, [300, 300], [700, 300]);
  await drag(page, [700, 300], [700, 550]);
  expect((await sidecar()).shapes.length === 1, 'bench: strokes that touch join');
  await page.keyboard.press('x');
  await drag(page, [500, 200], [500, 400]);
  expect((await sidecar()).shapes.length === 2, 'bench: the eraser cuts in two');
  await shot(page, 'bench-brush');
  const before = await scale();
  const coarse = asked.length;
  await page.mouse.move(300, 300);
  for (let i = 0; i < 10; i++) await page.mouse.wheel(0, -240);
  await page.waitForTimeout(400);
  expect((await scale()) > 5 * before, 'bench: the wheel zooms');
  expect(
    asked.slice(coarse).some((path) => path.startsWith('/tile/0/')),
    'bench: fine tiles come',
  );
  expect(
    asked.length < 120,
    `bench: ${asked.length} of ${20 * 14} fine tiles and more were asked for`,
  );
  await shot(page, 'bench-zoom');
  const zoomed = await scale();
  const touch = await context.newCDPSession(page);
  const fingers = (type, ...points) =>
    touch.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: points.map(([x, y], id) => ({ x, y, id })),
    });
  await fingers('touchStart', [400, 400]);
  await fingers('touchStart', [400, 400], [800, 400]);
  await fingers('touchMove', [500, 400], [700, 400]);
  await fingers('touchEnd');
  await page.waitForTimeout(200);
  const ratio = (await scale()) / zoomed;
  expect(Math.abs(ratio - 0.5) < 0.02, `bench: two fingers zoom (${ratio.toFixed(2)})`);
  expect((await sidecar()).shapes.length === 2, 'bench: two fingers do not paint');
  await context.close();
}

mkdirSync(PICTURES, { recursive: true });
const server = await serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  const address = `http://127.0.0.1:${server.address().port}/`;
  for (const theme of ['light', 'dark']) {
    await look(browser, address, theme, 1280, 800);
    await look(browser, address, theme, 1920, 1080);
  }
  await look(browser, address, 'light', 1024, 768);
  await lookAtBench(browser, address);
} finally {
  await browser.close();
  server.close();
}
console.log(problems.length ? `${problems.length} problems` : 'All is well.');
process.exitCode = problems.length ? 1 : 0;
