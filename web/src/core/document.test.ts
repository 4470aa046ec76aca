import { describe, expect, it } from 'vitest';
import { brush, erase } from './brush';
import {
  addDefects,
  addExclusion,
  addRegion,
  align,
  annotationOfDocument,
  type Document,
  documentOfRegions,
  duplicate,
  editRegion,
  elementAt,
  elements,
  emptyDocument,
  move,
  regionsOfDocument,
  remove,
  resize,
  setDefectFree,
  setLocked,
  setVerdict,
  withAnnotation,
} from './document';
import { boundsOf, boxPoints } from './geometry';
import { commit, newHistory, redo, undo } from './history';
import { annotationText, readAnnotation } from './sidecar';

const name = (n: number) => `Region ${n}`;
const rect = (x: number, y: number, width: number, height: number) => ({
  shape: 'rectangle' as const,
  points: boxPoints({ x, y, width, height }),
});
const make = (...commands: ((d: Document) => Document)[]) =>
  commands.reduce((d, c) => c(d), emptyDocument({ width: 200, height: 100 }));
const two = () =>
  make(addRegion(rect(10, 10, 40, 30), name), addRegion(rect(100, 50, 20, 20), name));

describe('drawing', () => {
  it('numbers regions and picks the smallest element', () => {
    const doc = make(addRegion(rect(0, 0, 100, 100), name), addExclusion(rect(10, 10, 10, 10)));
    expect(doc.regions[0]).toMatchObject({ id: 'region-1', name: 'Region 1' });
    expect(elementAt(doc, [12, 12], 0)?.role).toBe('exclusion');
    expect(elementAt(doc, [50, 50], 0)?.role).toBe('region');
    expect(elementAt(doc, [150, 50], 0)).toBeNull();
  });

  it('adds no exclusion outside all regions', () => {
    const doc = two();
    expect(addExclusion(rect(150, 0, 10, 10))(doc)).toBe(doc);
  });

  it('moves a region with its exclusions and stops at the border', () => {
    const doc = make(
      addRegion(rect(10, 10, 40, 30), name),
      addExclusion(rect(20, 20, 5, 5)),
      move(['k1'], -50, 5),
    );
    expect(boundsOf(doc.regions[0]?.points ?? [])).toMatchObject({ x: 0, y: 15 });
    expect(boundsOf(doc.regions[0]?.exclusions[0]?.points ?? [])).toMatchObject({ x: 10, y: 25 });
  });

  it('keeps locked elements', () => {
    const doc = setLocked(['k1'], true)(two());
    expect(move(['k1'], 5, 5)(doc)).toBe(doc);
    expect(resize('k1', { x: 0, y: 0, width: 5, height: 5 })(doc)).toBe(doc);
    expect(remove(['k1', 'k2'])(doc).regions.map((r) => r.key)).toEqual(['k1']);
  });

  it('aligns to the first and gives its size', () => {
    const at = (how: Parameters<typeof align>[1]) =>
      boundsOf(align(['k1', 'k2'], how)(two()).regions[1]?.points ?? []);
    expect(at('left').x).toBe(10);
    expect(at('right').x).toBe(30);
    expect(at('center').x).toBe(20);
    expect(at('top').y).toBe(10);
    expect(at('bottom').y).toBe(20);
    expect(at('middle').y).toBe(15);
    expect(at('size')).toEqual({ x: 100, y: 50, width: 40, height: 30 });
  });

  it('copies with new ids, names and exclusions', () => {
    const copy = (of: string) => `${of} copy`;
    const doc = make(addRegion(rect(10, 10, 40, 30), name), addExclusion(rect(20, 20, 5, 5)));
    const twice = duplicate(['k1'], 5, copy)(duplicate(['k1'], 5, copy)(doc));
    expect(twice.regions.map((r) => r.name)).toEqual([
      'Region 1',
      'Region 1 copy',
      'Region 1 copy 2',
    ]);
    expect(new Set(elements(twice).map((e) => e.drawn.key)).size).toBe(6);
    expect(boundsOf(twice.regions[1]?.exclusions[0]?.points ?? [])).toMatchObject({ x: 25, y: 25 });
  });

  it('renames with everything that speaks of the region', () => {
    const doc = make(
      addRegion(rect(10, 10, 90, 80), name),
      setVerdict('region-1', 'ng'),
      addDefects(
        [
          [
            [20, 20],
            [30, 20],
            [30, 30],
          ],
        ],
        'dent',
      ),
      editRegion('k1', { id: 'cap' }),
    );
    expect(doc.verdicts.get('cap')).toBe('ng');
    expect(doc.defects[0]?.regionId).toBe('cap');
  });

  it('gives the regions of a template back', () => {
    const regions = regionsOfDocument(
      make(addRegion(rect(10, 10, 40, 30), name), addExclusion(rect(20, 20, 5, 5))),
    );
    expect(regionsOfDocument(documentOfRegions({ width: 200, height: 100 }, regions))).toEqual(
      regions,
    );
  });
});

describe('judging', () => {
  it('never contradicts itself', () => {
    const ok = make(setVerdict('', 'ok'), setDefectFree(true));
    const doc = addDefects(
      [
        [
          [1, 1],
          [5, 1],
          [5, 5],
        ],
      ],
      'dent',
    )(ok);
    expect(doc.defectFree).toBe(false);
    expect(doc.verdicts.size).toBe(0);
    expect(setDefectFree(true)(doc).defects).toEqual([]);
    expect(setVerdict('cap', 'ng')(ok)).toMatchObject({ defectFree: false });
    expect(() => annotationOfDocument(doc)).not.toThrow();
  });

  it('keeps a sidecar as it was', () => {
    const doc = make(
      setVerdict('', 'ng'),
      addDefects(
        [
          [
            [1, 1],
            [5, 1],
            [5, 5],
          ],
        ],
        'dent',
      ),
    );
    const text = annotationText(annotationOfDocument(doc));
    const read = readAnnotation(text);
    expect(annotationText(annotationOfDocument(withAnnotation(doc, read), read))).toBe(text);
  });
});

describe('brush', () => {
  const area = (doc: Document) =>
    doc.defects.reduce((sum, d) => {
      const b = boundsOf(d.points);
      return sum + b.width * b.height;
    }, 0);

  it('draws, joins, cuts in two and removes', () => {
    let doc = make(
      brush(
        [
          [20, 50],
          [60, 50],
        ],
        4,
        'scratch',
      ),
    );
    expect(doc.defects).toHaveLength(1);
    const key = doc.defects[0]?.key ?? '';
    doc = brush(
      [
        [60, 50],
        [90, 50],
      ],
      4,
      'scratch',
      key,
    )(doc);
    expect(doc.defects).toHaveLength(1);
    expect(boundsOf(doc.defects[0]?.points ?? []).width).toBeGreaterThan(70);
    doc = erase(
      [
        [50, 40],
        [50, 60],
      ],
      3,
    )(doc);
    expect(doc.defects).toHaveLength(2);
    expect(new Set(doc.defects.map((d) => d.key)).size).toBe(2);
    doc = erase(
      [
        [0, 50],
        [120, 50],
      ],
      12,
    )(doc);
    expect(doc.defects).toEqual([]);
    expect(area(doc)).toBe(0);
  });

  it('stays inside the image', () => {
    const doc = make(brush([[0, 0]], 6, 'dent'));
    expect(boundsOf(doc.defects[0]?.points ?? [])).toMatchObject({ x: 0, y: 0 });
  });
});

describe('history', () => {
  it('undoes and redoes, and counts a drag as one step', () => {
    let h = newHistory(0);
    h = commit(h, 1, 'a');
    h = commit(h, 2, 'nudge', 'n');
    h = commit(h, 3, 'nudge', 'n');
    expect(commit(h, 3, 'nothing')).toBe(h);
    h = undo(h);
    expect(h.present).toBe(1);
    expect(redo(h).present).toBe(3);
    expect(undo(undo(undo(h))).present).toBe(0);
    expect(commit(h, 9, 'b').future).toEqual([]);
  });
});
