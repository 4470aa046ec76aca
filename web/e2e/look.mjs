/**
 * Pictures of one page of a running server, in light and dark, wide and narrow, with axe.
 *
 *   node e2e/look.mjs http://127.0.0.1:8000 PASSWORD '#/p/ID/train' train [NAME]
 */

import { axe, finish, goTo, launch, shot, signedIn } from './studio.mjs';

const [url, password, hash, file, name = 'admin'] = process.argv.slice(2);
const SIZES = { narrow: [1024, 768], usual: [1280, 800], wide: [1920, 1080] };

const browser = await launch();
for (const scheme of ['light', 'dark']) {
  const page = await signedIn(browser, { url, password }, { name, colorScheme: scheme });
  await goTo(page, hash);
  await page.waitForTimeout(1200);
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    await page.setViewportSize({ width, height });
    await page.waitForTimeout(250);
    await shot(page, `${file}-${scheme}-${size}`);
  }
  await axe(page, `${file} ${scheme}`);
}
await browser.close();
finish();
