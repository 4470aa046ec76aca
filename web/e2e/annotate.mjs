/** The annotation page on a real server: upload, judge many, draw on one, save by itself. */

import { readFileSync } from 'node:fs';
import { Person } from './person.mjs';
import { board, boardFile, file, png } from './pictures.mjs';
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

const [W, H] = [400, 276];
const upload = (page) => page.getByRole('button', { name: 'Upload images…' });
const options = (page) => page.locator('[role=option]');
const counts = (page, id) => ask(page, 'GET', `/projects/${id}/labels`);
const saved = (page) => page.locator('.save-saved').waitFor();
const imagesOf = async (page, id) =>
  (await ask(page, 'GET', `/projects/${id}/images?limit=500`)).items;
const said = (page, id, image) => ask(page, 'GET', `/projects/${id}/images/${image}/annotation`);
const small = (n) =>
  boardFile(`good_${String(n).padStart(3, '0')}.png`, { width: W, height: H, seed: n });

async function to(page, server, id, rest = '') {
  await page.goto(`${server.url}/#/p/${id}/annotate${rest && `/${rest}`}`);
}

/** 25 good parts from an empty project. */
async function markGood(page, server) {
  const id = await newProject(page, server, 'Boards');
  await to(page, server, id);
  await page.getByRole('heading', { name: 'No images to annotate yet' }).waitFor();
  await axe(page, 'the empty annotation page');
  await shot(page, 'annotate-empty');
  const person = new Person(page);
  const files = Array.from({ length: 25 }, (_, n) => small(n));
  await person.files(upload(page).last(), [
    ...files,
    file('notes.txt', Buffer.from('x'), 'text/plain'),
  ]);
  const allGood = page.getByRole('button', { name: 'These 25 are all good parts' });
  await person.see(allGood);
  await axe(page, 'the result of an upload');
  await shot(page, 'annotate-report');
  expect(
    await page.getByText('notes.txt').isVisible(),
    'what is refused is named, with the reason',
  );
  await person.click(allGood);
  await person.see(page.getByText('25 images marked OK.'));
  expect((await counts(page, id)).ok === 25, '25 normals are marked');
  expect(person.actions <= 4, `with as few actions as possible: ${person.report()}`);
  await giveFiles(page, upload(page), files.slice(0, 3));
  await page.getByText('3 known already').waitFor();
  expect((await counts(page, id)).ok === 25, 'an upload again changes nothing');
  await page.locator('.upload-report').getByRole('button', { name: 'Close' }).click();
  return id;
}

async function judgeMany(page, id) {
  await options(page).nth(2).click();
  await options(page)
    .nth(5)
    .click({ modifiers: ['Shift'] });
  await options(page)
    .nth(8)
    .click({ modifiers: ['Control'] });
  expect(
    await page.getByText('5 chosen').isVisible(),
    'images are chosen by click, Shift and Ctrl',
  );
  await page.keyboard.press('n');
  await page.getByText('5 images marked NG.').waitFor();
  await axe(page, 'the grid with chosen images');
  await shot(page, 'annotate-grid');
  await page.getByRole('radio', { name: 'NG 5' }).check();
  await page.waitForFunction(() => document.querySelectorAll('[role=option]').length === 5);
  await options(page).first().click();
  await page.keyboard.press('Control+a');
  await page.keyboard.press('u');
  await page.getByText('5 images not judged any more.').waitFor();
  const now = await counts(page, id);
  expect(now.none === 5 && now.ok === 20, 'Ctrl+A and U take the verdicts back');
  await page.getByRole('radio', { name: /^All/ }).check();
  await page.getByLabel('Find by name').fill('good_01');
  await page.waitForFunction(() => document.querySelectorAll('[role=option]').length === 10);
  await page.getByLabel('Find by name').fill('');
  await page.waitForFunction(() => document.querySelectorAll('[role=option]').length > 10);
  expect(true, 'images are found by name');
}

async function removeOne(page, id) {
  await options(page).nth(24).click();
  await page.keyboard.press('Delete');
  await page.getByRole('button', { name: 'Delete', exact: true }).last().click();
  await page.getByText('1 image deleted.').waitFor();
  expect((await imagesOf(page, id)).length === 24, 'an image is deleted after a question');
}

/** A template with one region on the first image. */
async function bringTemplate(page, id) {
  const [first] = await imagesOf(page, id);
  await ask(page, 'PUT', `/projects/${id}/template`, {
    reference_id: first.id,
    content: {
      format_version: 1,
      name: 'Board',
      reference: { file: first.name, sha256: first.sha256, width: W, height: H },
      regions: [
        {
          id: 'chip',
          name: 'Chip',
          shape: 'rectangle',
          points_xy: [
            [60, 45],
            [180, 145],
          ],
        },
      ],
    },
  });
}

async function judgeOne(page, server, id) {
  await bringTemplate(page, id);
  await page.reload();
  const [, second, third] = await imagesOf(page, id);
  await to(page, server, id, second.id);
  await page.locator('.viewer:visible .drawn-region').waitFor();
  const at = await screenOf(page, W, H);
  await page.mouse.click(...at(120, 100));
  await page.keyboard.press('n');
  await saved(page);
  await page.waitForTimeout(900);
  await saved(page);
  let now = await said(page, id, second.id);
  expect(
    now.label === 'ng' && now.content.flags['chip:NG'] === true,
    'a click on a region and N say NG of it',
  );
  await axe(page, 'an image with a judged region');
  await shot(page, 'annotate-verdict');
  await page.keyboard.press('o');
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page.getByText(new RegExp(third.name)).first().waitFor();
  now = await said(page, id, second.id);
  expect(now.label === 'ok' && now.content.flags['chip:OK'], 'leaving saves at once');
  await page.keyboard.press('ArrowLeft');
  await page.getByText(new RegExp(second.name)).first().waitFor();
  await page.keyboard.press('f');
  await page.getByText(new RegExp(third.name)).first().waitFor();
  now = await said(page, id, second.id);
  expect(now.content.flags.defect_free === true, 'F marks free of defects and goes on');
  await page.keyboard.press('k');
  await page.getByText(new RegExp(second.name)).first().waitFor();
  return { second, third };
}

/** Outlines with every tool, on an image with a dark stain. */
async function drawOne(page, server, id) {
  await to(page, server, id);
  const stained = { width: W, height: H, seed: 77, stain: [300, 225, 14] };
  await giveFiles(page, upload(page), [
    boardFile('stain.png', stained),
    boardFile('stain_b.png', { ...stained, seed: 78 }),
  ]);
  await page.getByText('2 new images').waitFor();
  const images = await imagesOf(page, id);
  const image = images.find((one) => one.name === 'stain.png');
  await to(page, server, id, image.id);
  await page.locator('.viewer:visible svg').waitFor();
  await page.waitForTimeout(600);
  const at = await screenOf(page, W, H);
  const defects = () => page.locator('.viewer:visible .drawn-defect').count();
  await page.getByRole('radio', { name: 'Outlines' }).check();
  await page.getByLabel('Type of defect').fill('stain');
  await page.keyboard.press('Enter');
  await page.keyboard.press('s');
  await page.mouse.click(...at(300, 225));
  await page.waitForFunction(() => document.querySelectorAll('.drawn-defect').length === 1);
  await page.waitForTimeout(1000);
  await saved(page);
  const { content } = await said(page, id, image.id);
  const [smart] = content.shapes;
  const xs = smart.points.map(([x]) => x);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  expect(
    smart.label === 'stain' && Math.abs(left - 286) < 4 && Math.abs(right - 314) < 4,
    `a click with the smart tool outlines the stain (${left} to ${right})`,
  );
  await page.keyboard.press('Escape');
  await page.keyboard.press('b');
  await drag(page, at(60, 200), at(110, 200));
  await drag(page, at(110, 200), at(110, 235));
  expect((await defects()) === 2, 'strokes of the brush that touch are one defect');
  await page.keyboard.press('x');
  await drag(page, at(85, 180), at(85, 222));
  expect((await defects()) === 3, 'the eraser cuts it in two');
  await page.keyboard.press('Control+z');
  expect((await defects()) === 2, 'undo');
  await page.keyboard.press('Control+y');
  expect((await defects()) === 3, 'and redo');
  await shot(page, 'annotate-brush');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('r');
  await drag(page, at(200, 30), at(240, 60));
  await page.keyboard.press('e');
  await drag(page, at(250, 30), at(280, 60));
  await page.keyboard.press('p');
  for (const p of [
    [20, 20],
    [50, 20],
    [30, 50],
    [20, 20],
  ])
    await page.mouse.click(...at(...p));
  expect((await defects()) === 5, 'rectangle, ellipse and polygon');
  await page.getByLabel('Type of defect').fill('scratch');
  await page.keyboard.press('Enter');
  await page.waitForTimeout(1000);
  await saved(page);
  const labels = (await said(page, id, image.id)).content.shapes.map((s) => s.label);
  expect(
    labels.length === 5 && labels.at(-1) === 'scratch' && labels[0] === 'stain',
    `several defects with their types (${labels})`,
  );
  await page.getByLabel('Use', { exact: true }).selectOption('test');
  await page.getByLabel('Part id').fill('part-7');
  await page.keyboard.press('Enter');
  await axe(page, 'an image with outlines');
  await shot(page, 'annotate-outlines');
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('v');
  await page.keyboard.press('Escape');
  await page.keyboard.press('j');
  await page
    .getByText(/stain_b\.png/)
    .first()
    .waitFor();
  const kept = (await said(page, id, image.id)).content;
  expect(kept.split === 'test' && kept.part_id === 'part-7', 'split and part id are kept');
  await page.locator('.viewer:visible svg').waitFor();
  await page.keyboard.press('c');
  await page.waitForFunction(() => document.querySelectorAll('.drawn-defect').length === 5);
  expect(true, 'C copies from the image before');
  await page.keyboard.press('f');
  await page.getByText('This removes 5 defects.').waitFor();
  expect(true, 'F asks before it removes defects');
  await page.keyboard.press('Control+s');
  await saved(page);
  return image;
}

async function meetConflict(page, server, id, image) {
  await to(page, server, id, image.id);
  await page.locator('.viewer:visible .drawn-defect').first().waitFor();
  const { revision, content } = await said(page, id, image.id);
  await ask(page, 'PUT', `/projects/${id}/images/${image.id}/annotation`, {
    revision,
    content: { ...content, shapes: content.shapes.slice(0, 1) },
  });
  await page.getByRole('button', { name: /^Delete scratch/ }).click();
  await page.getByText('Somebody else changed this annotation').waitFor();
  await axe(page, 'a conflict');
  await shot(page, 'annotate-conflict');
  await page.getByRole('button', { name: 'Load theirs' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.drawn-defect').length === 1);
  await saved(page);
  expect(
    (await page.locator('.toast-bad').count()) === 0,
    'a conflict is shown, and theirs is loaded',
  );
  const theirs = await said(page, id, image.id);
  await ask(page, 'PUT', `/projects/${id}/images/${image.id}/annotation`, {
    revision: theirs.revision,
    content: { ...theirs.content, shapes: [] },
  });
  await page.getByLabel('Part id').fill('part-8');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Save mine over it' }).click();
  await saved(page);
  const mine = (await said(page, id, image.id)).content;
  expect(mine.shapes.length === 1 && mine.part_id === 'part-8', 'or mine is saved over it');
}

/** A sidecar out, and in again with its image. */
async function moveSidecar(page, server, id, image) {
  await to(page, server, id, image.id);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download annotation' }).click(),
  ]);
  const sidecar = readFileSync(await download.path());
  expect(download.suggestedFilename() === 'stain.json', 'the sidecar has the name of its image');
  const other = await newProject(page, server, 'Copies');
  await to(page, server, other);
  await giveFiles(page, upload(page).last(), [
    boardFile('stain.png', { width: W, height: H, seed: 77, stain: [300, 225, 14] }),
    file('stain.json', sidecar, 'application/json'),
  ]);
  await page.getByText('1 new image, 1 annotation').waitFor();
  const [copy] = await imagesOf(page, other);
  expect(copy.label === 'ng', 'a sidecar beside its image comes along');
  await page.keyboard.press('Escape');
}

async function exportAll(page, server, id) {
  await to(page, server, id);
  await page.getByRole('button', { name: 'Export…' }).click();
  await page.getByRole('button', { name: 'Make the zip' }).click();
  const link = page.getByRole('link', { name: /^Download .*zip/ });
  await link.waitFor({ timeout: 60_000 });
  await axe(page, 'the export');
  await shot(page, 'annotate-export');
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  const bytes = readFileSync(await download.path());
  expect(bytes.subarray(0, 2).toString() === 'PK' && bytes.length > 10_000, 'all of it as a zip');
  await page.keyboard.press('Escape');
}

/** Brush on 12 megapixels of tiles. */
async function paintLarge(page, server) {
  const id = await newProject(page, server, 'Large');
  await to(page, server, id);
  const wide = png(4000, 2750, board({ width: 4000, height: 2750, stain: [3000, 2300, 60] }));
  await giveFiles(page, upload(page).last(), file('large.png', wide));
  await page.getByText('1 new image').waitFor({ timeout: 60_000 });
  const [image] = await imagesOf(page, id);
  await to(page, server, id, image.id);
  await page.locator('.viewer:visible svg').waitFor();
  const at = await screenOf(page, 4000, 2750);
  await page.waitForTimeout(800);
  await page.locator('.viewer:visible').focus();
  await page.keyboard.press('b');
  await drag(page, at(1000, 2000), at(2400, 2000), at(2400, 2400));
  expect(
    (await page.locator('.viewer:visible .drawn-defect').count()) === 1,
    'the brush paints on a large image',
  );
  await page.keyboard.press('Escape');
  await page.keyboard.press('s');
  const start = performance.now();
  await page.mouse.click(...at(3000, 2300));
  await page.waitForFunction(() => document.querySelectorAll('.drawn-defect').length === 2);
  expect(true, `the smart tool answers there in ${Math.round(performance.now() - start)} ms`);
  await shot(page, 'annotate-large');
  await page.keyboard.press('g');
  await options(page).first().waitFor();
}

/** An operator judges and draws; uploads, deletes and exports are not offered. */
async function asOperator(browser, page, server, id) {
  const password = 'a-long-password-1';
  const { id: user } = await ask(page, 'POST', '/users', {
    name: 'Olga',
    role: 'operator',
    password,
  });
  await ask(page, 'PUT', `/projects/${id}/members/${user}`);
  const theirs = await signedIn(browser, server, { name: 'Olga', password });
  await to(theirs, server, id);
  await options(theirs).first().waitFor();
  const isDisabled = (name) => theirs.getByRole('button', { name }).isDisabled();
  expect(
    (await isDisabled('Upload images…')) && (await isDisabled('Export…')),
    'an operator is offered no upload and no export',
  );
  await options(theirs).first().click();
  await theirs.keyboard.press('n');
  await theirs.getByText('1 image marked NG.').waitFor();
  await theirs.goto(`${server.url}/#/p/${id}/template`);
  await theirs.locator('.viewer:visible svg').waitFor();
  expect(await isDisabled('Save'), 'judges, and sees the template without saving it');
  await theirs.context().close();
}

/** Only what is seen of many images is in the page. */
async function scrollMany(page, server) {
  const id = await newProject(page, server, 'Many');
  await to(page, server, id);
  const many = Array.from({ length: 700 }, (_, n) =>
    file(
      `part_${String(n).padStart(4, '0')}.png`,
      png(48, 32, (x, y) => [x * 5, y * 7, n % 256]),
    ),
  );
  // Different bytes for each: a colour alone comes again after 256.
  many.forEach((one, n) => {
    if (n > 255) one.buffer = png(48, 33 + Math.floor(n / 256), (x, y) => [x * 5, y * 7, n % 256]);
  });
  await giveFiles(page, upload(page).last(), many);
  const start = performance.now();
  await page.getByText('700 new images').waitFor({ timeout: 120_000 });
  console.log(`     700 small images in ${((performance.now() - start) / 1000).toFixed(1)} s`);
  await page.getByRole('button', { name: 'Judge them one by one' }).click();
  await page.getByText(/1 of 200\+/).waitFor();
  await page.keyboard.press('g');
  const list = page.getByRole('listbox');
  await list.focus();
  const inPage = await options(page).count();
  await page.keyboard.press('End');
  await page.waitForTimeout(600);
  await page.keyboard.press('End');
  await page.waitForTimeout(600);
  expect(inPage < 120, `of 700 images ${inPage} are in the page`);
  await page.keyboard.press('Control+a');
  await page.getByText('700 chosen').waitFor();
  await page.keyboard.press('o');
  await page.getByText('700 images marked OK.').waitFor({ timeout: 60_000 });
  expect((await counts(page, id)).ok === 700, 'Ctrl+A and O judge all of them');
}

const server = await startServer();
const browser = await launch();
try {
  const page = await signedIn(browser, server, { acceptDownloads: true, mayFail: /status of 409/ });
  const id = await markGood(page, server);
  await judgeMany(page, id);
  await removeOne(page, id);
  await judgeOne(page, server, id);
  const image = await drawOne(page, server, id);
  await meetConflict(page, server, id, image);
  await moveSidecar(page, server, id, image);
  await exportAll(page, server, id);
  await asOperator(browser, page, server, id);
  await paintLarge(page, server);
  await scrollMany(page, server);
} finally {
  await browser.close();
  await server.stop();
}
finish();
