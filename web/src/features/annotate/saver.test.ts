import { describe, expect, it, vi } from 'vitest';
import { Saver } from './saver';

function bench(answer: (value: string, revision: number) => Promise<number>) {
  const write = vi.fn(answer);
  return { write, saver: new Saver(3, write, (error) => error === 'conflict', 5) };
}
const later = (ms = 20) => new Promise((done) => setTimeout(done, ms));

describe('the saver', () => {
  it('waits for the last change and knows the next revision', async () => {
    const { write, saver } = bench(async (_, revision) => revision + 1);
    saver.change('a');
    saver.change('b');
    expect(saver.read().kind).toBe('changed');
    await later();
    saver.change('c');
    expect(await saver.flush()).toBe(true);
    expect(write.mock.calls).toEqual([
      ['b', 3],
      ['c', 4],
    ]);
    expect(saver.read().kind).toBe('saved');
  });

  it('saves what changed while it saved', async () => {
    const { write, saver } = bench(async (_, revision) => {
      await later(10);
      return revision + 1;
    });
    saver.change('a');
    const first = saver.flush();
    saver.change('b');
    await first;
    await later(40);
    expect(write.mock.calls.map(([value]) => value)).toEqual(['a', 'b']);
    expect(saver.read().kind).toBe('saved');
  });

  it('stops at a conflict until somebody decides', async () => {
    const { write, saver } = bench(async (_, revision) => {
      if (revision < 7) throw 'conflict';
      return revision + 1;
    });
    saver.change('a');
    expect(await saver.flush()).toBe(false);
    saver.change('b');
    await later();
    expect([saver.read().kind, write.mock.calls.length]).toEqual(['conflict', 1]);
    expect(await saver.overwrite(7)).toBe(true);
    expect(write.mock.lastCall).toEqual(['b', 7]);
  });

  it('gives mine up', async () => {
    const { write, saver } = bench(async () => {
      throw 'conflict';
    });
    saver.change('a');
    await saver.flush();
    saver.discard();
    expect([await saver.flush(), saver.read().kind, write.mock.calls.length]).toEqual([
      true,
      'saved',
      1,
    ]);
  });

  it('tries again after a failure', async () => {
    let isDown = true;
    const { saver } = bench(async (_, revision) => {
      if (isDown) throw 'down';
      return revision + 1;
    });
    saver.change('a');
    expect(await saver.flush()).toBe(false);
    expect(saver.read()).toEqual({ kind: 'failed', error: 'down' });
    isDown = false;
    expect(await saver.flush()).toBe(true);
  });
});
