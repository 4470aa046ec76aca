import { describe, expect, it } from 'vitest';
import { addExclusion, addRegion, emptyDocument } from '../../core/document';
import { boxPoints } from '../../core/geometry';
import { readTemplate, templateText } from '../../core/template';
import { askedDefectPx, defaultSettings, makeTemplate, stretched } from './settings';

const reference = { name: 'board.png', sha256: 'ab'.repeat(32) };
const size = { width: 12, height: 9 };

describe('the template of a drawing', () => {
  it('has one region over the whole image when none is drawn', () => {
    const template = makeTemplate(reference, defaultSettings('board', 12), emptyDocument(size));
    expect(template.regions).toMatchObject([
      {
        id: 'image',
        points: [
          [0, 0],
          [12, 9],
        ],
      },
    ]);
    expect(readTemplate(templateText(template))).toEqual(template);
  });

  it('asks for no defect larger than the image', () => {
    expect(defaultSettings('board', 12).smallestDefectPx).toBe(12);
    expect(defaultSettings('board', 4000).smallestDefectPx).toBe(16);
  });

  it('begins with the smallest defect of the problem statement', () => {
    const asked = askedDefectPx({ answers: { smallest_defect: 6 } });
    expect(defaultSettings('board', 4000, asked).smallestDefectPx).toBe(6);
    expect(defaultSettings('board', 4000, askedDefectPx({})).smallestDefectPx).toBe(16);
  });

  it('holds what is drawn, without locks and keys', () => {
    const shape = {
      shape: 'ellipse' as const,
      points: boxPoints({ x: 1, y: 1, width: 5, height: 4 }),
    };
    const doc = addRegion(shape, (n) => `Region ${n}`)(emptyDocument(size));
    const template = makeTemplate(reference, defaultSettings('board', 12), doc);
    expect(Object.keys(template.regions[0] ?? {})).not.toContain('locked');
    expect(readTemplate(templateText(template))).toEqual(template);
  });
});

it('stretches a drawing to a reference of another size', () => {
  const drawn = addExclusion({
    shape: 'ellipse',
    points: boxPoints({ x: 20, y: 20, width: 10, height: 10 }),
  })(
    addRegion(
      { shape: 'rectangle', points: boxPoints({ x: 10, y: 10, width: 40, height: 30 }) },
      String,
    )(emptyDocument({ width: 100, height: 50 })),
  );
  const doc = stretched(drawn, { width: 200, height: 150 });
  expect(doc.size).toEqual({ width: 200, height: 150 });
  expect(doc.regions[0]?.points).toEqual([
    [20, 30],
    [100, 120],
  ]);
  expect(doc.regions[0]?.exclusions[0]?.points).toEqual([
    [40, 60],
    [60, 90],
  ]);
});
