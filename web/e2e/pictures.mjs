/** Pictures that the checks upload: drawn here, so that every pixel is known. */

import { crc32, deflateSync } from 'node:zlib';

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(4);
  frame.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body) >>> 0);
  return Buffer.concat([frame, body, sum]);
}

/** `colour(x, y)` gives [r, g, b] from 0 to 255; with 16 bits the low byte is a ramp. */
export function png(width, height, colour, bits = 8) {
  const bytes = bits / 8;
  const line = 1 + 3 * bytes * width;
  const raw = Buffer.alloc(line * height);
  for (let y = 0; y < height; y++) {
    let at = y * line + 1;
    for (let x = 0; x < width; x++) {
      for (const value of colour(x, y)) {
        raw[at] = value;
        if (bytes === 2) raw[at + 1] = (37 * x + 11 * y) & 255;
        at += bytes;
      }
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head[8] = bits;
  head[9] = 2; // RGB
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(raw, { level: 1 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** An uncompressed grey TIFF of 16 bits. */
export function tiff(width, height, grey) {
  const size = 2 * width * height;
  const file = Buffer.alloc(8 + size + 2 + 10 * 12 + 4);
  file.write('II*\0', 0, 'latin1');
  file.writeUInt32LE(8 + size, 4);
  for (let i = 0; i < width * height; i++)
    file.writeUInt16LE(257 * grey(i % width, Math.floor(i / width)), 8 + 2 * i);
  const tags = [
    [256, 4, width],
    [257, 4, height],
    [258, 3, 16],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 4, height],
    [279, 4, size],
    [339, 3, 1],
  ];
  let at = 8 + size;
  file.writeUInt16LE(tags.length, at);
  at += 2;
  for (const [tag, type, value] of tags) {
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(1, at + 4);
    if (type === 3) file.writeUInt16LE(value, at + 8);
    else file.writeUInt32LE(value, at + 8);
    at += 12;
  }
  return file;
}

const within = (x, y, [left, top, right, bottom]) =>
  x >= left && x < right && y >= top && y < bottom;

/**
 * A board with a chip, a disc and a label. `seed` changes its grain, `shift` moves it, `stain`
 * puts a dark blot at [x, y, radius].
 */
export function board({ width = 800, height = 550, seed = 1, shift = [0, 0], stain = null } = {}) {
  const scale = width / 1600;
  return (px, py) => {
    const x = (px - shift[0]) / scale;
    const y = (py - shift[1]) / scale;
    const grain = (((px * 73 + py * 151 + seed * 997) * 2654435761) >>> 24) % 12;
    if (stain && Math.hypot(px - stain[0], py - stain[1]) < stain[2]) return [70, 30, 20];
    if (!within(x, y, [120, 90, 1480, (1010 * height) / (width * 0.6875)]))
      return [185, 191, 194].map((v) => v - grain);
    if (within(x, y, [260, 220, 680, 540])) return [32, 36, 42].map((v) => v + grain);
    if (Math.hypot(x - 1120, y - 400) < 150) return [217, 180, 74].map((v) => v - grain);
    if (within(x, y, [860, 700, 1320, 870])) return [244, 241, 232].map((v) => v - grain);
    const isPin = y > 190 && y < 570 && x > 280 && x < 670 && (x - 280) % 28 < 14;
    return (isPin ? [216, 221, 224] : [47, 107, 79]).map((v) => v + grain);
  };
}

/** As `setInputFiles` and a file chooser take them. */
export const file = (name, buffer, mimeType = 'image/png') => ({ name, mimeType, buffer });

export const boardFile = (name, options = {}) => {
  const { width = 800, height = 550 } = options;
  return file(name, png(width, height, board(options)));
};
