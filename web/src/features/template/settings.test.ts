import { describe, expect, it } from 'vitest';
import { addRegion, emptyDocument } from '../../core/document';
import { boxPoints } from '../../core/geometry';
import { readTemplate, templateText } from '../../core/template';
import { defaultSettings, makeTemplate } from './settings';

const reference = { file: 'board.png', sha256: 'ab'.repeat(32) };
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
