/**
 * Does things in a page as a person would and counts them: 1.2 s a click or key, 4 s a drawn shape,
 * and what the page really lets wait.
 */

const ACTION_S = 1.2;
const SHAPE_S = 4;

export class Person {
  actions = 0;
  shapes = 0;
  waitedS = 0;

  constructor(page) {
    this.page = page;
  }

  /** Everything so far, in seconds. */
  get seconds() {
    return ACTION_S * this.actions + SHAPE_S * this.shapes + this.waitedS;
  }

  async click(locator, options) {
    this.actions += 1;
    await this.timed(() => locator.click(options));
  }

  async key(name) {
    this.actions += 1;
    await this.page.keyboard.press(name);
  }

  /** Every letter is a key. */
  async type(text) {
    this.actions += text.length;
    await this.page.keyboard.type(text);
  }

  /** Button, then the system's dialog: choose (all) files, open. */
  async files(button, paths) {
    const chooser = this.page.waitForEvent('filechooser');
    await this.click(button);
    this.actions += 2;
    await (await chooser).setFiles(paths);
  }

  /** A drag from corner to corner, in pixels of the screen. */
  async drag([x0, y0], [x1, y1]) {
    this.shapes += 1;
    const { mouse } = this.page;
    await mouse.move(x0, y0);
    await mouse.down();
    await mouse.move((x0 + x1) / 2, (y0 + y1) / 2);
    await mouse.move(x1, y1);
    await mouse.up();
  }

  /** Waits for what has to appear; the time counts. */
  async see(locator, timeout = 120_000) {
    await this.timed(() => locator.waitFor({ timeout }));
  }

  async timed(work) {
    const start = performance.now();
    await work();
    this.waitedS += (performance.now() - start) / 1000;
  }

  report() {
    return `${this.actions} clicks and keys, ${this.shapes} shapes, ${this.waitedS.toFixed(1)} s waited: ${this.seconds.toFixed(0)} s`;
  }
}
