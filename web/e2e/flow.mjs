/**
 * The whole flow by hand and eye, in a real browser: template, annotate, check, train, threshold,
 * approve, inspect, review. First the shortest way from an empty project to the first verdict with 25
 * normals, counted as a person would need; then the rest.
 *
 * The practice product always; a position of bsdata too where OFFSPEC_DATA has it.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Person } from './person.mjs';
import { axe, expect, finish, launch, PYTHON, shot, signedIn, startServer } from './studio.mjs';

const NORMALS = 25;
const MOST_ACTIONS = 60;
const MOST_SECONDS = 300;
const LONG = 240_000;
/** That a fitted picture keeps from its frame, in CSS pixels. */
const MARGIN = 24;

/** Drawn boards: the reference, 25 normals, others to test with. */
function practice(folder) {
  const made = spawnSync(
    PYTHON,
    [
      '-c',
      'import sys; from offspec.practice import make_practice; make_practice(sys.argv[1], 60)',
      folder,
    ],
    { stdio: 'inherit' },
  );
  if (made.status !== 0) throw new Error('the practice product could not be drawn');
  const boards = readdirSync(folder)
    .filter((file) => file.endsWith('.png'))
    .sort()
    .map((file) => {
      const said = JSON.parse(readFileSync(join(folder, file.replace('.png', '.json')), 'utf8'));
      return { path: join(folder, file), split: said.split, shapes: said.shapes };
    });
  const spoiled = boards.filter((board) => board.shapes.length > 0);
  const [reference, ...normals] = boards.filter((board) => board.split === 'train');
  const good = boards
    .filter((board) => board.split === 'test' && board.shapes.length === 0)
    .map((board) => board.path);
  return {
    name: 'cap',
    reference: reference.path,
    normals: normals.map((board) => board.path).slice(0, NORMALS),
    good,
    bad: spoiled.map((board) => board.path),
    defect: across(spoiled[0].shapes[0].points, 768, 576),
    regions: [
      [0.05, 0.06, 0.52, 0.94],
      [0.53, 0.06, 0.95, 0.94],
    ],
  };
}

/** The way of a brush over a defect: its middle line from left to right, in shares. */
function across(points, width, height) {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const middle = (Math.min(...ys) + Math.max(...ys)) / 2 / height;
  return [
    [Math.min(...xs) / width, middle],
    [Math.max(...xs) / width, middle],
  ];
}

/** A ball screw at one place, as a camera saw it. */
function bsdata() {
  const root = process.env.OFFSPEC_DATA && join(process.env.OFFSPEC_DATA, 'bsdata/395000_270');
  if (!root || !existsSync(root)) return null;
  const files = (folder) =>
    readdirSync(join(root, folder))
      .sort()
      .map((file) => join(root, folder, file));
  const normals = files('train/good');
  return {
    name: 'rod',
    reference: normals[0],
    normals: normals.slice(0, NORMALS),
    good: files('test/good').slice(0, 8),
    bad: files('test/pitting').slice(0, 12),
    defect: [
      [0.4, 0.5],
      [0.45, 0.5],
    ],
    regions: [[0.06, 0.12, 0.94, 0.88]],
  };
}

class Flow {
  constructor(page, product) {
    this.page = page;
    this.product = product;
    this.person = new Person(page);
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: typeof name === 'string' });
  }

  link(name) {
    return this.page.getByRole('navigation').getByRole('link', { name });
  }

  picture(step) {
    return shot(this.page, `flow-${this.product.name}-${step}`);
  }

  /** The shortest way, counted. */
  async firstVerdict() {
    const { page, person, product } = this;
    await person.click(page.getByLabel('Name of the new project'));
    await person.type(product.name);
    await person.key('Enter');
    await person.files(this.button('Upload image…'), [product.reference]);
    const viewer = page.locator('.viewer:visible');
    await person.see(viewer);
    await this.picture('01-reference');
    for (const region of product.regions) await this.drawn(viewer, region);
    await person.key('Control+s');
    await person.see(page.getByText('Saved as version 1.'));
    await this.picture('02-template');
    await person.click(this.link('Annotate'));
    await person.files(this.button('Upload images…').first(), product.normals);
    await person.click(this.button(/are all good parts/));
    await this.picture('03-normals');
    await person.click(this.link('Train'));
    await person.click(this.button('Start training'));
    await person.see(page.getByRole('table').getByText('Model 1', { exact: true }).first());
    await this.picture('04-model');
    await person.click(this.link('Deploy'));
    await person.click(this.button(/^Approve model 1/));
    const dialog = page.getByRole('dialog');
    if (await dialog.isVisible())
      await person.click(dialog.getByRole('button', { name: /^Approve/ }));
    await person.see(page.getByRole('heading', { name: 'In use' }));
    await this.picture('05-approved');
    await person.click(this.link(/^Inspection/));
    await person.files(this.button('Choose images…'), [product.bad[0]]);
    await person.see(page.locator('.big-verdict').first());
    await this.picture('06-verdict');
    console.log(`     ${product.name}: ${person.report()}`);
    expect(person.actions <= MOST_ACTIONS, `${product.name}: at most ${MOST_ACTIONS} actions`);
    expect(person.seconds <= MOST_SECONDS, `${product.name}: at most ${MOST_SECONDS} s`);
  }

  /** Images to test with: good ones in one go, a defect outlined by hand, the others as NG. */
  async annotate() {
    const { page, product } = this;
    await this.link('Annotate').click();
    await this.choose(this.button('Upload images…').first(), product.good);
    await this.button(/good parts?$/).click();
    await page.getByText(/marked OK\./).waitFor();
    await this.choose(this.button('Upload images…').first(), product.bad);
    await this.button('Judge them one by one').click();
    const viewer = page.locator('.viewer:visible');
    await viewer.locator('svg').first().waitFor();
    await page.getByRole('radio', { name: 'Outlines' }).check({ force: true });
    await this.stroke(viewer, product.defect);
    await page.getByText('None outlined.').waitFor({ state: 'detached' });
    await page.locator('.save-saved').waitFor();
    await axe(page, `${product.name}: an annotated defect`);
    await this.picture('07-outlined');
    await page.keyboard.press('g');
    await page.getByRole('radio', { name: /^Not judged/ }).check({ force: true });
    await page.locator('[role=option]').first().click();
    await page.keyboard.press('Control+a');
    await page.keyboard.press('n');
    await page.getByText(/marked NG\./).waitFor();
    await page.getByRole('radio', { name: /^All/ }).check({ force: true });
    await this.picture('08-annotated');
  }

  async check() {
    const { page } = this;
    await this.link('Health').click();
    await this.button('Check the images').click();
    await page.getByRole('heading', { name: 'Findings' }).waitFor({ timeout: LONG });
    await axe(page, `${this.product.name}: the check`);
    await this.picture('09-check');
    const keep = page.getByRole('button', { name: 'Keep', exact: true });
    const proposed = await keep.count();
    for (let i = 0; i < Math.min(2, proposed); i++) await keep.first().click();
    console.log(`     ${this.product.name}: ${proposed} proposals`);
  }

  async train() {
    const { page } = this;
    await this.link('Train').click();
    await this.button('Start training').click();
    await page.getByRole('link', { name: 'Evaluate Model 2' }).click({ timeout: LONG });
    await this.button('Evaluate').click();
    await page
      .getByRole('heading', { name: 'What these thresholds do' })
      .waitFor({ timeout: LONG });
    await this.picture('10-evaluated');
    const review = page.getByRole('slider', { name: 'Review' });
    await review.focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('Shift+ArrowLeft');
    await this.picture('11-thresholds');
    await this.button('Save these thresholds').click();
    await page.getByLabel('Why these thresholds?').fill('Doubtful parts are seen by a person');
    await this.button('Save').click();
    await page.getByText('Set by hand').first().waitFor({ timeout: LONG });
  }

  async approve() {
    const { page } = this;
    await this.link('Deploy').click();
    await this.button(/^Approve model 3/)
      .first()
      .click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(/^Why/).fill('Thresholds with a band for review');
    await axe(page, `${this.product.name}: approve`);
    await this.picture('12-approve');
    await dialog.getByRole('button', { name: /^Approve/ }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Model 3 is in use from now on.').waitFor();
    await this.picture('13-deploy');
  }

  async inspect() {
    const { page, product } = this;
    await this.link(/^Inspection/).click();
    const files = [...product.bad, ...product.good];
    await this.choose(this.button('Choose images…'), files);
    await page.getByText(/\b(\d+) of \1\b/).waitFor({ timeout: LONG });
    await this.picture('14-inspected');
    await page
      .getByRole('navigation', { name: 'Views of this page' })
      .getByRole('link', { name: /^Review queue/ })
      .click();
    await page.locator('.panes figure').nth(1).locator('img').first().waitFor();
    await page.keyboard.press('h');
    await page.waitForTimeout(1500);
    await axe(page, `${product.name}: the queue`);
    await this.picture('15-queue');
    const done = page.getByRole('heading', { name: 'Nothing waits for review' });
    for (let i = 0; i < 60 && !(await done.isVisible()); i++) {
      await page.keyboard.press(i === 1 ? 'o' : 'n');
      await page.waitForTimeout(300);
    }
    expect(await done.isVisible(), `${product.name}: the queue is cleared by keys`);
    await this.picture('16-cleared');
    await this.link('Quality').click();
    await page
      .getByText(/^People and model agree/)
      .first()
      .waitFor();
    await axe(page, `${product.name}: quality`);
    await this.picture('17-quality');
  }

  async choose(button, paths) {
    const chooser = this.page.waitForEvent('filechooser');
    await button.click();
    await (await chooser).setFiles(paths);
  }

  /** The smart tool along a defect, by shares of width and height. */
  async stroke(viewer, points) {
    await viewer.focus();
    await this.page.keyboard.press('s');
    const at = await this.screenOf(viewer);
    const [first, ...others] = points.map(([x, y]) => at(x, y));
    const { mouse } = this.page;
    await mouse.move(...first);
    await mouse.down();
    for (const point of others) await mouse.move(...point, { steps: 4 });
    await mouse.up();
  }

  /** Where a share of the picture is on the screen; the view fits the picture into its frame. */
  async screenOf(viewer) {
    const { width, height } = this.product.size;
    const box = await viewer.boundingBox();
    const scale = Math.min((box.width - 2 * MARGIN) / width, (box.height - 2 * MARGIN) / height);
    return (x, y) => [
      box.x + box.width / 2 + (x - 0.5) * width * scale,
      box.y + box.height / 2 + (y - 0.5) * height * scale,
    ];
  }

  /** A rectangle over a part of the picture, by shares of its width and height. */
  async drawn(viewer, [x0, y0, x1, y1]) {
    const at = await this.screenOf(viewer);
    await this.person.drag(at(x0, y0), at(x1, y1));
  }
}

const folder = mkdtempSync(join(tmpdir(), 'offspec-flow-'));
const server = await startServer();
const browser = await launch();
const wanted = process.env.OFFSPEC_FLOW;
for (const product of [practice(folder), bsdata()].filter(
  (one) => !wanted || one?.name === wanted,
)) {
  if (!product) {
    console.log('     bsdata is not here (OFFSPEC_DATA); that part is left out');
    continue;
  }
  const page = await signedIn(browser, server);
  product.size = await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const { width, height } = await createImageBitmap(new Blob([bytes]));
    return { width, height };
  }, readFileSync(product.reference).toString('base64'));
  const flow = new Flow(page, product);
  try {
    await flow.firstVerdict();
    for (const step of ['annotate', 'check', 'train', 'approve', 'inspect']) {
      await flow[step]();
      expect(true, `${product.name}: ${step}`);
    }
  } catch (error) {
    await flow.picture('broken');
    expect(false, `${product.name}: ${error.message.split('\n')[0]}`);
  }
  await page.close();
}
await browser.close();
await server.stop();
rmSync(folder, { recursive: true });
finish();
