/** What a person says of an image while annotating; each is one step of undo. */

import {
  addDefects,
  type Command,
  type Document,
  type Region,
  setDefectFree,
  setVerdict,
  withAnnotation,
} from './document';
import { outline, type Point } from './geometry';
import { type Annotation, type Label, WHOLE_IMAGE } from './sidecar';

/** Whether something on the image is bad. */
export function isBad(doc: Document): boolean {
  return doc.defects.length > 0 || [...doc.verdicts.values()].includes('ng');
}

export function isJudged(doc: Document): boolean {
  return doc.defectFree || doc.defects.length > 0 || doc.verdicts.size > 0;
}

/** Judge the whole image. What is drawn is kept, so that OK changes nothing on a bad image. */
export function judgeImage(verdict: Label | null): Command {
  return (doc) => {
    if (verdict !== 'ok') return { ...setVerdict(WHOLE_IMAGE, verdict)(doc), defectFree: false };
    const others = new Map([...doc.verdicts].filter(([region]) => region !== WHOLE_IMAGE));
    if (isBad({ ...doc, verdicts: others })) return doc;
    return { ...setVerdict(WHOLE_IMAGE, 'ok')(doc), defectFree: true };
  };
}

/** Judge regions by their ids; what an older file says by their names goes. */
export function judgeRegions(
  regions: readonly Pick<Region, 'id' | 'name'>[],
  verdict: Label | null,
): Command {
  return (doc) =>
    regions.reduce((found, { id, name }) => {
      const cleared = id === name ? found : setVerdict(name, null)(found);
      return setVerdict(id, verdict)(cleared);
    }, doc);
}

/** Somebody looked and found nothing, whatever was drawn before. */
export const markFree: Command = (doc) => judgeImage('ok')(setDefectFree(true)(doc));

/** What was said of another image: all of it where nothing was said here, else its defects too. */
export function copyFrom(theirs: Annotation): Command {
  return (doc) =>
    isJudged(doc)
      ? theirs.defects.reduce((found, d) => addDefects([d.points], d.label)(found), doc)
      : withAnnotation(doc, theirs);
}

/** A 3 x 3 matrix from reference to image pixels, pixel centres at whole numbers. */
export type Matrix = readonly (readonly number[])[];

/** Regions where they lie on an image; each becomes a polygon, and none can be changed. */
export function placedRegions(regions: readonly Region[], matrix: Matrix | null): Region[] {
  const place = <T extends Region | Region['exclusions'][number]>(drawn: T): T =>
    matrix === null
      ? { ...drawn, locked: true }
      : {
          ...drawn,
          locked: true,
          shape: 'polygon',
          points: outline(drawn).map((p) => mapped(matrix, p)),
        };
  return regions.map((region) => ({
    ...place(region),
    exclusions: region.exclusions.map(place),
  }));
}

function mapped(matrix: Matrix, [x, y]: Point): Point {
  const [u, v] = [x - 0.5, y - 0.5]; // from edges to centres
  const [a, b, w] = matrix.map((row) => (row[0] ?? 0) * u + (row[1] ?? 0) * v + (row[2] ?? 0));
  return [(a ?? 0) / (w || 1) + 0.5, (b ?? 0) / (w || 1) + 0.5];
}
