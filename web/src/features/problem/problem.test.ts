import { describe, expect, it } from 'vitest';
import { fromPercent, nextKey, readProblem, toPercent, writeProblem } from './problem';

const KEPT = {
  format: 1,
  answers: { cost_miss: 80, task: 'locate', currency: 'EUR', defect_rate: 0.003, cores: null },
  defects: [{ type: 'scratch', words: 'longer than 2 mm', ok: [], borderline: [], ng: ['i1'] }],
  not_a_defect: [{ words: 'fingerprints', images: ['i2'] }],
};

describe('the form of a problem statement', () => {
  it('gives back what it read, open answers left out', () => {
    const { cores, ...answers } = KEPT.answers;
    expect(cores).toBeNull();
    expect(writeProblem(readProblem(KEPT))).toEqual({ ...KEPT, answers });
  });

  it('reads an empty project', () => {
    const form = readProblem({});
    expect(form.answers.task).toBe('open');
    expect(form.answers.cost_miss).toBeNull();
    expect(writeProblem(form)).toEqual({ format: 1, answers: {}, defects: [], not_a_defect: [] });
  });

  it('leaves empty lines out, and keeps a line whose name is missing for the server to refuse', () => {
    const form = readProblem({});
    const defects = [
      { key: 0, type: ' ', words: '', examples: {} },
      { key: 1, type: '', words: 'deep', examples: {} },
    ];
    const harmless = [{ key: 0, words: '  ', images: [] }];
    const written = writeProblem({ ...form, defects, harmless });
    expect(written.defects).toEqual([{ type: '', words: 'deep' }]);
    expect(written.not_a_defect).toEqual([]);
  });

  it('turns shares into percent without remains of binary fractions', () => {
    expect(toPercent(0.07)).toBe(7);
    expect(fromPercent(0.3)).toBe(0.003);
    expect(toPercent(null)).toBeNull();
  });

  it('numbers lines anew', () => {
    expect(nextKey([])).toBe(0);
    expect(nextKey([{ key: 4 }, { key: 1 }])).toBe(5);
  });
});
