import { describe, expect, it } from 'vitest';
import { addDefects, addRegion, type Document, emptyDocument, verdictOf } from './document';
import { boxPoints } from './geometry';
import {
  copyFrom,
  isBad,
  isJudged,
  judgeImage,
  judgeRegions,
  markFree,
  placedRegions,
} from './labelling';
import { EMPTY_ANNOTATION } from './sidecar';

const triangle = [
  [1, 1],
  [5, 1],
  [1, 5],
] as const;
const empty = emptyDocument({ width: 100, height: 60 });
const dented: Document = addDefects([triangle], 'dent')(empty);
const withRegion = addRegion(
  { shape: 'rectangle', points: boxPoints({ x: 10, y: 10, width: 20, height: 10 }) },
  () => 'Cap',
)(empty);

describe('one word on an image', () => {
  it('is OK only where nothing bad is drawn', () => {
    expect(judgeImage('ok')(empty)).toMatchObject({ defectFree: true });
    expect(judgeImage('ok')(dented)).toBe(dented);
    expect(isBad(judgeImage('ok')(judgeImage('ng')(empty)))).toBe(false);
    expect(isJudged(judgeImage(null)(judgeImage('ok')(empty)))).toBe(false);
  });

  it('free of defects takes what is bad away', () => {
    const free = markFree(judgeImage('ng')(dented));
    expect([free.defects.length, free.defectFree, free.verdicts.get('')]).toEqual([0, true, 'ok']);
  });
});

describe('regions', () => {
  it('are judged by id, also where a file has the name', () => {
    const named = { ...withRegion, verdicts: new Map([['Cap', 'ok'] as const]) };
    const [region] = named.regions;
    if (!region) throw new Error();
    expect(verdictOf(named, region)).toBe('ok');
    const judged = judgeRegions([region], 'ng')(judgeImage('ok')(named));
    expect([...judged.verdicts]).toEqual([['region-1', 'ng']]);
    expect(judged.defectFree).toBe(false);
  });

  it('lie where the alignment puts them', () => {
    const turned = [
      [0, -1, 59],
      [1, 0, 0],
      [0, 0, 1],
    ];
    const [there] = placedRegions(withRegion.regions, turned);
    expect(there).toMatchObject({ shape: 'polygon', locked: true, id: 'region-1' });
    expect(there?.points).toEqual([
      [50, 10],
      [50, 30],
      [40, 30],
      [40, 10],
    ]);
    expect(placedRegions(withRegion.regions, null)[0]?.shape).toBe('rectangle');
  });
});

it('copies all of another image, or its defects to what is here', () => {
  const theirs = {
    ...EMPTY_ANNOTATION,
    verdicts: new Map([['', 'ng'] as const]),
    defects: [{ label: 'scratch', points: triangle, regionId: null }],
  };
  expect(copyFrom(theirs)(empty).verdicts.get('')).toBe('ng');
  expect(copyFrom(theirs)(dented).defects.map((d) => d.label)).toEqual(['dent', 'scratch']);
});
