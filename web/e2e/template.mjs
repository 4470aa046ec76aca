/** The template editor on a real server: draw, save, load, compare, large and deep images. */

import { readFileSync } from 'node:fs';
import { board, boardFile, file, png, tiff } from './pictures.mjs';
import {
  ask,
  axe,
  drag,
  expect,
  finish,
  giveFiles,
  launch,
  newProject,
  screenOf,
  shot,
  signedIn,
  startServer,
} from './studio.mjs';

const [W, H] = [800, 550];
const near = (points, wanted, by = 2) =>
  points?.length === wanted.length &&
  points.every((p, i) => p.every((v, j) => Math.abs(v - wanted[i][j]) <= by));
const upload = (page) => page.getByRole('button', { name: 'Upload image…' });
const regions = (page) => page.locator('.region-row-region');
const latest = async (page, id) => (await ask(page, 'GET', `/projects/${id}/template`)).content;

async function drawByMouse(page) {
  const at = await screenOf(page, W, H);
  await page.keyboard.press('r');
  await drag(page, at(120, 85), at(350, 290));
  await page.keyboard.press('p');
  for (const p of [
    [420, 340],
    [670, 340],
    [670, 445],
    [420, 445],
    [420, 340],
  ])
    await page.mouse.click(...at(...p));
  await page.keyboard.press('e');
  await drag(page, at(480, 120), at(640, 280));
  await page.keyboard.press('x');
  await page.keyboard.press('r');
  await drag(page, at(445, 370), at(620, 415));
  await page.keyboard.press('x');
  await page.keyboard.press('v');
}

async function save(page, version) {
  await page.keyboard.press('Control+s');
  await page.getByText(`Saved as version ${version}`).first().waitFor();
}

async function startAndDraw(page, server) {
  const id = await newProject(page, server, 'Board');
  await page.getByRole('heading', { name: 'Start with an image of a good part' }).waitFor();
  await axe(page, 'the empty template page');
  await shot(page, 'template-empty');
  await giveFiles(page, upload(page), boardFile('board.png'));
  await page.locator('.viewer:visible svg').waitFor();
  await page.locator('.viewer:visible').focus();
  await drawByMouse(page);
  expect(await page.getByText('Not saved').isVisible(), 'what is not saved says so');
  await save(page, 1);
  const [rectangle, polygon, ellipse] = (await latest(page, id)).regions;
  expect(
    near(rectangle.points_xy, [
      [120, 85],
      [350, 290],
    ]),
    'a rectangle lies where it was drawn',
  );
  expect(
    near(polygon.points_xy, [
      [420, 340],
      [670, 340],
      [670, 445],
      [420, 445],
    ]),
    'a polygon lies where it was drawn',
  );
  expect(
    ellipse.shape === 'ellipse' && polygon.exclusions.length === 1,
    'an ellipse, and an exclusion in the polygon',
  );
  await axe(page, 'the template page with regions');
  await shot(page, 'template-regions');
  await page.getByRole('tab', { name: 'Template' }).click();
  await axe(page, 'the settings of the template');
  await page.getByRole('tab', { name: 'Regions' }).click();
  return id;
}

async function drawByKeyboard(page) {
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('r');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Enter');
  for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowRight');
  for (let i = 0; i < 2; i++) await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Enter');
  const drawn = await regions(page).count();
  await page.keyboard.press('v');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Alt+ArrowDown');
  await page.keyboard.press('Control+d');
  const copied = await regions(page).count();
  await page.keyboard.press('Control+z');
  const undone = await regions(page).count();
  expect(drawn === 4 && copied === 5 && undone === 4, 'the keyboard draws, copies and undoes');
  await page.keyboard.press('n');
  await page.keyboard.press('b');
  await page.keyboard.press('Delete');
  expect((await regions(page).count()) === 3, 'the keyboard chooses and deletes');
}

/** What is drawn stays while another page is looked at, and is not lost to what is loaded. */
async function keepUnsaved(page, server, id) {
  await page.keyboard.press('n');
  await page.keyboard.press('Shift+ArrowRight');
  await page.goto(`${server.url}/#/p/${id}/annotate`);
  await page.getByRole('heading', { name: 'Annotate', level: 1 }).waitFor();
  await page.goto(`${server.url}/#/p/${id}/template`);
  await page.locator('.viewer:visible svg').waitFor();
  expect(
    (await regions(page).count()) === 3 && (await page.getByText('Not saved').isVisible()),
    'a drawing that is not saved stays while another page is open',
  );
  await save(page, 2);
  await page.reload();
  await page.locator('.viewer:visible svg').waitFor();
  expect((await regions(page).count()) === 3, 'the latest version is loaded');
  const again = await page.getByText('Version 2', { exact: true }).isVisible();
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('Control+s');
  await page.getByText('Saved as version 2.').waitFor();
  expect(again, 'saving what has not changed makes no version');
}

async function editByPanel(page, id) {
  await page.getByRole('button', { name: /^Region 1/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Chip');
  await page.getByLabel('Width', { exact: true }).fill('640');
  await page.keyboard.press('Enter');
  await page.getByLabel('Resolution').selectOption('fast');
  await page.getByRole('button', { name: 'Lock', exact: true }).click();
  const isLocked = await page.getByLabel('Width', { exact: true }).isDisabled();
  await page.keyboard.press('l');
  await shot(page, 'template-split');
  await page.getByRole('button', { name: /^Split into \d regions/ }).click();
  await page.locator('.viewer:visible').focus();
  await save(page, 3);
  const names = (await latest(page, id)).regions.map((r) => r.name);
  expect(
    isLocked && names[0] === 'Chip 1' && names.includes('Chip 2'),
    `the panel names, locks and splits (${names})`,
  );
  await page.keyboard.press('Control+a');
  await page.getByRole('button', { name: 'Align left edges' }).click();
  await page.keyboard.press('Control+z');
  await page.getByText('Version 3', { exact: true }).waitFor();
  expect(true, 'aligning is undone, and nothing is left to save');
}

/** Somebody else saves while a drawing here is not saved. */
async function notOverAnother(page, id) {
  const path = `/projects/${id}/template`;
  await page.getByRole('button', { name: /^Chip 2/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Mine');
  await page.keyboard.press('Enter');
  const { reference_id, content } = await ask(page, 'GET', path);
  await ask(page, 'PUT', path, { reference_id, content: { ...content, name: 'Theirs' } });
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('Control+s');
  await page.getByText(/^Not saved: admin saved version 4/).waitFor();
  expect((await latest(page, id)).name === 'Theirs', 'nobody is written over unasked');
  await page.getByRole('button', { name: 'Load version 4' }).click();
  await page.getByText('Version 4', { exact: true }).waitFor();
}

async function compare(page, server, id) {
  await page.goto(`${server.url}/#/p/${id}/annotate`);
  await giveFiles(page, page.getByRole('button', { name: 'Upload images…' }), [
    boardFile('moved.png', { seed: 5, shift: [9, -6] }),
    boardFile('small.png', { width: 640, height: 440 }),
  ]);
  await page.getByText('2 new images').waitFor();
  await page.goto(`${server.url}/#/p/${id}/template`);
  await page.getByRole('button', { name: 'Check alignment…' }).click();
  await page.getByRole('option', { name: /moved\.png/ }).click();
  await page.getByText('Moved into place', { exact: true }).waitFor();
  const said = await page.locator('#alignment-result').textContent();
  expect(
    /lay (8|9)\.\d px right, (5|6)\.\d px up.*Agreement (0\.9\d|1\.00) of 1/.test(said),
    `the shift is found (${said})`,
  );
  await page.waitForTimeout(300);
  const opacity = () =>
    page
      .locator('.dialog canvas')
      .nth(1)
      .evaluate((canvas) => canvas.style.opacity);
  const seen = new Set();
  for (let i = 0; i < 12; i++) {
    seen.add(await opacity());
    await page.waitForTimeout(150);
  }
  expect(seen.has('0') && seen.has('1'), 'the image blinks over the reference');
  await page.getByRole('radio', { name: 'Overlay' }).check();
  await page.getByLabel('Image over reference').fill('0.4');
  expect((await opacity()) === '0.4', 'or is seen through');
  await axe(page, 'the alignment dialog');
  await shot(page, 'template-alignment');
  await page.getByRole('option', { name: /small\.png/ }).click();
  await page.getByText('Invalid when inspected', { exact: true }).waitFor();
  expect(true, 'an image of a wrong size says so');
  await page.keyboard.press('Escape');
}

/** template.json out, and in again with its image in another project. */
async function moveByFile(page, server, id) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download template.json' }).click(),
  ]);
  const text = readFileSync(await download.path());
  const other = await newProject(page, server, 'Second');
  await giveFiles(page, upload(page), [
    boardFile('board.png'),
    file('template.json', text, 'application/json'),
  ]);
  await page.getByText(/Template opened: \d+ regions/).waitFor();
  const same = JSON.stringify(await latest(page, other)) === JSON.stringify(await latest(page, id));
  expect(same, 'a template.json with its image opens in another project as it was');
  await page.getByRole('button', { name: 'Reference…' }).click();
  await page.locator('.thumbnail').first().waitFor();
  await axe(page, 'the choice of a reference');
  await shot(page, 'template-picker');
  await giveFiles(page, upload(page), file('notes.txt', Buffer.from('x'), 'text/plain'));
  await page.locator('.toast-bad').waitFor();
  expect(true, 'what is no image is refused in words');
  await page.locator('.toast-bad').getByRole('button').click();
  return other;
}

/** Another reference: of the same size the drawing stays, of another it is stretched. */
async function changeReference(page, id) {
  const before = await latest(page, id);
  await page.getByRole('button', { name: 'Reference…' }).click();
  await giveFiles(page, upload(page), boardFile('other.png', { seed: 9 }));
  await page.getByText(/other\.png/).waitFor();
  await page.locator('.viewer:visible').focus();
  await save(page, 2);
  const after = await latest(page, id);
  expect(
    after.reference.file === 'other.png' &&
      JSON.stringify(after.regions) === JSON.stringify(before.regions),
    'another reference of the same size keeps the regions',
  );
  await page.getByRole('button', { name: 'Reference…' }).click();
  await giveFiles(
    page,
    upload(page),
    file('deep.png', png(1000, 688, board({ width: 1000, height: 688 }), 16)),
  );
  await page.getByText(/The image has another size/).waitFor();
  await page.locator('.viewer:visible svg').waitFor();
  await page.locator('.viewer:visible').focus();
  await save(page, 3);
  const deep = await latest(page, id);
  const [a] = before.regions[0].points_xy;
  const [b] = deep.regions[0].points_xy;
  expect(Math.abs(b[0] - a[0] * 1.25) < 0.01, 'a 16-bit one of another size stretches them');
  await shot(page, 'template-16-bit');
}

async function showTiff(page, server) {
  await newProject(page, server, 'Scan');
  const grey = board({ width: 600, height: 400 });
  await giveFiles(
    page,
    upload(page),
    file(
      'scan.tif',
      tiff(600, 400, (x, y) => grey(x, y)[1]),
      'image/tiff',
    ),
  );
  await page.locator('.viewer canvas').waitFor();
  await page.waitForTimeout(400);
  const shades = await page.locator('.viewer canvas').evaluate((canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext('2d').getImageData(width / 4, height / 2, width / 2, 1);
    return new Set(data.filter((_, i) => i % 4 === 0)).size;
  });
  expect(shades > 10, 'a 16-bit TIFF is seen');
}

/** 12 megapixels by tiles: only what is on the screen comes. */
async function zoomDeep(page, server) {
  await newProject(page, server, 'Large');
  const asked = [];
  page.on('request', (request) => {
    if (request.url().includes('/tiles/')) asked.push(request.url());
  });
  const wide = board({ width: 4000, height: 3000 });
  await giveFiles(page, upload(page), file('large.png', png(4000, 3000, wide)));
  await page.locator('.viewer:visible svg').waitFor({ timeout: 60_000 });
  await page.waitForTimeout(1500);
  const coarse = asked.length;
  expect(
    coarse > 0 && !asked.some((url) => /tiles\/0\//.test(url)),
    'first the coarse tiles of a large image',
  );
  await page.locator('.viewer:visible').focus();
  const box = await page.locator('.viewer:visible').boundingBox();
  await page.mouse.move(box.x + 200, box.y + 200);
  for (let i = 0; i < 8; i++) await page.mouse.wheel(0, -240);
  await page.waitForTimeout(800);
  expect(
    asked.slice(coarse).some((url) => /tiles\/0\//.test(url)) && asked.length < 70,
    `then the fine ones on the screen (${asked.length} tiles)`,
  );
  await shot(page, 'template-tiles');
  const scale = async () => Number.parseFloat(await page.getByText(/^[\d.]+ %$/).textContent());
  const before = await scale();
  const touch = await page.context().newCDPSession(page);
  const fingers = (type, ...points) =>
    touch.send('Input.dispatchTouchEvent', {
      type,
      touchPoints: points.map(([x, y], id) => ({ x, y, id })),
    });
  await fingers('touchStart', [500, 400]);
  await fingers('touchStart', [500, 400], [900, 400]);
  await fingers('touchMove', [600, 400], [800, 400]);
  await fingers('touchEnd');
  await page.waitForTimeout(300);
  const ratio = (await scale()) / before;
  expect(Math.abs(ratio - 0.5) < 0.03, `two fingers zoom (${ratio.toFixed(2)})`);
  expect((await regions(page).count()) === 0, 'and draw nothing');
}

/** The session ends in the middle of drawing: nothing is seen, and nothing is lost. */
async function outliveSession(page, server, id) {
  await page.goto(`${server.url}/#/p/${id}/template`);
  await page.locator('.viewer:visible svg').waitFor();
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('n');
  await page.keyboard.press('Shift+ArrowRight');
  await page.getByText('Not saved').waitFor();
  const before = await regions(page).count();
  await page.context().clearCookies();
  await page.keyboard.press('Control+s');
  const over = page.getByRole('dialog', { name: 'Sign in' });
  await over.getByText('The session of admin has ended.').waitFor();
  await axe(page, 'signing in again');
  await shot(page, 'signed-out');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.waitForTimeout(200);
  expect(await over.isVisible(), 'the page stays covered until somebody signs in');
  await page.keyboard.type(server.password);
  await page.keyboard.press('Enter');
  await over.waitFor({ state: 'detached' });
  expect(
    (await regions(page).count()) === before && (await page.getByText('Not saved').isVisible()),
    'what is drawn outlives the session',
  );
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('Control+s');
  await page.getByText('Not saved').waitFor({ state: 'detached' });
}

const server = await startServer();
const browser = await launch();
try {
  const page = await signedIn(browser, server, {
    acceptDownloads: true,
    hasTouch: true,
    mayFail: /401/,
  });
  const id = await startAndDraw(page, server);
  await drawByKeyboard(page);
  await keepUnsaved(page, server, id);
  await editByPanel(page, id);
  await notOverAnother(page, id);
  await compare(page, server, id);
  const other = await moveByFile(page, server, id);
  await changeReference(page, other);
  await showTiff(page, server);
  await zoomDeep(page, server);
  await outliveSession(page, server, id);
} finally {
  await browser.close();
  await server.stop();
}
finish();
