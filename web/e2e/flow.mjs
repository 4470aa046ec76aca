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
  const bad = boards.filter((board) => board.shapes.length > 0).map((board) => board.path);
  const [reference, ...normals] = boards.filter((board) => board.split === 'train');
  const good = boards
    .filter((board) => board.split === 'test' && board.shapes.length === 0)
    .map((board) => board.path);
  return {
    name: 'cap',
    reference: reference.path,
    normals: normals.map((board) => board.path).slice(0, NORMALS),
    good,
    bad,
    regions: [
      [0.12, 0.13, 0.6, 0.52],
      [0.66, 0.16, 0.92, 0.5],
    ],
  };
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
    const viewer = page.locator('.viewer');
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
    await person.click(this.link(/^Inspect and review/));
    await person.files(this.button('Choose images…'), [product.bad[0]]);
    await person.see(page.locator('.big-verdict').first());
    await this.picture('06-verdict');
    console.log(`     ${product.name}: ${person.report()}`);
    expect(person.actions <= MOST_ACTIONS, `${product.name}: at most ${MOST_ACTIONS} actions`);
    expect(person.seconds <= MOST_SECONDS, `${product.name}: at most ${MOST_SECONDS} s`);
  }

  /** A rectangle over a part of the picture, by shares of its width and height. */
  async drawn(viewer, [x0, y0, x1, y1]) {
    const { width, height } = this.product.size;
    const box = await viewer.boundingBox();
    const scale = Math.min(box.width / width, box.height / height) * 0.92;
    const at = (x, y) => [
      box.x + box.width / 2 + (x - 0.5) * width * scale,
      box.y + box.height / 2 + (y - 0.5) * height * scale,
    ];
    await this.page
      .getByRole('radio', { name: 'Rectangle' })
      .or(this.button('Rectangle'))
      .first()
      .click();
    this.person.actions += 1;
    await this.person.drag(at(x0, y0), at(x1, y1));
  }
}

const folder = mkdtempSync(join(tmpdir(), 'offspec-flow-'));
const server = await startServer();
const browser = await launch();
for (const product of [practice(folder), bsdata()]) {
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
