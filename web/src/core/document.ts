/** What is drawn on one image: regions with exclusions, defects, verdicts. Never changed in place. */

import {
  type Bounds,
  boundsOf,
  boxPoints,
  containsPoint,
  fitPoints,
  hits,
  movePoints,
  type Point,
  type Points,
  type Shape,
  type Size,
  shiftInside,
  unionBounds,
} from './geometry';
import {
  type Annotation,
  checkAnnotation,
  EMPTY_ANNOTATION,
  type Label,
  WHOLE_IMAGE,
} from './sidecar';
import type { Kind, Resolution, TemplateRegion } from './template';

/** Anything that can be selected. The key lives as long as the document and is in no file. */
export type Drawn = Shape & { readonly key: string; readonly locked: boolean };

export type Exclusion = Drawn;

export type Region = Drawn & {
  readonly id: string;
  readonly name: string;
  readonly exclusions: readonly Exclusion[];
  readonly minDefectAreaPx: number | null;
  readonly kind: Kind;
  readonly resolution: Resolution;
};

export type Defect = Drawn & { readonly label: string; readonly regionId: string | null };

export type Document = {
  readonly size: Size;
  readonly nextKey: number;
  readonly regions: readonly Region[];
  readonly defects: readonly Defect[];
  readonly verdicts: ReadonlyMap<string, Label>;
  readonly defectFree: boolean;
};

export type Role = 'region' | 'exclusion' | 'defect';
export type Element = { readonly role: Role; readonly drawn: Drawn; readonly owner: Region | null };

export type Command = (doc: Document) => Document;

export function emptyDocument(size: Size): Document {
  return {
    size,
    nextKey: 1,
    regions: [],
    defects: [],
    verdicts: new Map(),
    defectFree: false,
  };
}

/** Everything drawn, in drawing order: what lies on top comes last. */
export function elements(doc: Document): Element[] {
  return [
    ...doc.regions.flatMap((region): Element[] => [
      { role: 'region', drawn: region, owner: null },
      ...region.exclusions.map((e): Element => ({ role: 'exclusion', drawn: e, owner: region })),
    ]),
    ...doc.defects.map((d): Element => ({ role: 'defect', drawn: d, owner: null })),
  ];
}

export function findElement(doc: Document, key: string): Element | null {
  return elements(doc).find((e) => e.drawn.key === key) ?? null;
}

/** The smallest element at a point, so that an exclusion inside a region can be picked. */
export function elementAt(doc: Document, at: Point, tolerance: number): Element | null {
  const found = elements(doc).filter((e) => hits(e.drawn, at, tolerance));
  const size = (e: Element) => {
    const b = boundsOf(e.drawn.points);
    return b.width * b.height;
  };
  return found.reduce<Element | null>((a, b) => (a && size(a) < size(b) ? a : b), null);
}

/** Apply a change to the elements with these keys. */
function mapKeys(doc: Document, keys: ReadonlySet<string>, change: (d: Drawn) => Drawn): Document {
  const apply = <T extends Drawn>(d: T): T => (keys.has(d.key) ? ({ ...d, ...change(d) } as T) : d);
  return {
    ...doc,
    regions: doc.regions.map((r) => ({ ...apply(r), exclusions: r.exclusions.map(apply) })),
    defects: doc.defects.map(apply),
  };
}

/** The unlocked ones among the keys; a region brings its exclusions when it moves. */
export function movable(doc: Document, keys: readonly string[]): Element[] {
  const wanted = new Set(keys);
  return elements(doc).filter(
    (e) =>
      !e.drawn.locked &&
      !e.owner?.locked &&
      (wanted.has(e.drawn.key) || (e.owner && wanted.has(e.owner.key))),
  );
}

export function boundsOfKeys(doc: Document, keys: readonly string[]): Bounds | null {
  const found = elements(doc).filter((e) => keys.includes(e.drawn.key));
  return found.length === 0 ? null : unionBounds(found.map((e) => boundsOf(e.drawn.points)));
}

export function addRegion(shape: Shape, name: (number: number) => string): Command {
  return (doc) => {
    const number = freeNumber(doc.regions, name);
    const region: Region = {
      ...shape,
      key: `k${doc.nextKey}`,
      id: freeId(doc.regions, `region-${number}`),
      name: name(number),
      locked: false,
      exclusions: [],
      minDefectAreaPx: null,
      kind: 'auto',
      resolution: 'auto',
    };
    return { ...doc, nextKey: doc.nextKey + 1, regions: [...doc.regions, region] };
  };
}

function freeNumber(regions: readonly Region[], name: (number: number) => string): number {
  const taken = new Set(regions.flatMap((r) => [r.id, r.name]));
  for (let n = 1; ; n++) if (!taken.has(name(n)) && !taken.has(`region-${n}`)) return n;
}

function freeId(regions: readonly Region[], wanted: string): string {
  const taken = new Set(regions.flatMap((r) => [r.id, r.name]));
  if (!taken.has(wanted)) return wanted;
  for (let n = 2; ; n++) {
    const id = `${wanted.slice(0, 60)}-${n}`;
    if (!taken.has(id)) return id;
  }
}

/** The region an exclusion belongs to: the smallest one around its centre, else the nearest. */
export function ownerOf(doc: Document, shape: Shape): Region | null {
  const b = boundsOf(shape.points);
  const centre: Point = [b.x + b.width / 2, b.y + b.height / 2];
  const around = doc.regions.filter((r) => containsPoint(r, centre));
  const size = (r: Region) => boundsOf(r.points).width * boundsOf(r.points).height;
  return around.reduce<Region | null>((a, r) => (a && size(a) <= size(r) ? a : r), null);
}

/** Without a region around it, an exclusion is not added. */
export function addExclusion(shape: Shape): Command {
  return (doc) => {
    const owner = ownerOf(doc, shape);
    if (!owner) return doc;
    const exclusion: Exclusion = { ...shape, key: `k${doc.nextKey}`, locked: false };
    return {
      ...doc,
      nextKey: doc.nextKey + 1,
      regions: doc.regions.map((r) =>
        r.key === owner.key ? { ...r, exclusions: [...r.exclusions, exclusion] } : r,
      ),
    };
  };
}

/** A new defect; the image is no longer free of defects. */
export function addDefects(outlines: readonly Points[], label: string): Command {
  return (doc) => ({
    ...doc,
    nextKey: doc.nextKey + outlines.length,
    defectFree: false,
    verdicts: withoutWholeOk(doc.verdicts),
    defects: [
      ...doc.defects,
      ...outlines.map((points, i): Defect => {
        const shape: Shape = { shape: 'polygon', points };
        const regionId = ownerOf(doc, shape)?.id ?? null;
        return { ...shape, key: `k${doc.nextKey + i}`, label, regionId, locked: false };
      }),
    ],
  });
}

/** Replace the outline of one defect by others, or by none. */
export function replaceDefect(key: string, outlines: readonly Points[]): Command {
  return (doc) => {
    const defect = doc.defects.find((d) => d.key === key);
    if (!defect || defect.locked) return doc;
    const parts = outlines.map(
      (points, i): Defect => ({ ...defect, points, key: i === 0 ? key : `k${doc.nextKey + i}` }),
    );
    return {
      ...doc,
      nextKey: doc.nextKey + outlines.length,
      defects: doc.defects.flatMap((d) => (d.key === key ? parts : [d])),
    };
  };
}

function withoutWholeOk(verdicts: ReadonlyMap<string, Label>): ReadonlyMap<string, Label> {
  if (verdicts.get(WHOLE_IMAGE) !== 'ok') return verdicts;
  return new Map([...verdicts].filter(([region]) => region !== WHOLE_IMAGE));
}

export function remove(keys: readonly string[]): Command {
  return (doc) => {
    const gone = (d: Drawn) => keys.includes(d.key) && !d.locked;
    return {
      ...doc,
      regions: doc.regions
        .filter((r) => !gone(r))
        .map((r) => ({ ...r, exclusions: r.exclusions.filter((e) => r.locked || !gone(e)) })),
      defects: doc.defects.filter((d) => !gone(d)),
    };
  };
}

/** Move as far as the image reaches; everything keeps its place to everything else. */
export function move(keys: readonly string[], dx: number, dy: number): Command {
  return (doc) => {
    const moved = movable(doc, keys);
    const leaders = moved.filter((e) => keys.includes(e.drawn.key));
    if (leaders.length === 0) return doc;
    const all = unionBounds(leaders.map((e) => boundsOf(e.drawn.points)));
    const [x, y] = shiftInside(all, dx, dy, doc.size);
    if (x === 0 && y === 0) return doc;
    return mapKeys(doc, new Set(moved.map((e) => e.drawn.key)), (d) => ({
      ...d,
      points: movePoints(d.points, x, y),
    }));
  };
}

/** Stretch one element to a box; exclusions of a region stay where they are. */
export function resize(key: string, to: Bounds): Command {
  return (doc) => {
    const [element] = movable(doc, [key]);
    if (element?.drawn.key !== key) return doc;
    return mapKeys(doc, new Set([key]), (d) => ({
      ...d,
      points: fitPoints(d.points, boundsOf(d.points), to),
    }));
  };
}

export function setPoints(key: string, points: Points): Command {
  return (doc) =>
    movable(doc, [key]).length === 0
      ? doc
      : mapKeys(doc, new Set([key]), (d) => ({ ...d, points }));
}

export function setLocked(keys: readonly string[], locked: boolean): Command {
  return (doc) => mapKeys(doc, new Set(keys), (d) => ({ ...d, locked }));
}

/** Copies, shifted a little and inside the image. The new keys follow from `nextKey`. */
export function duplicate(
  keys: readonly string[],
  offset: number,
  copyName: (of: string) => string,
): Command {
  return (doc) => {
    let next = doc.nextKey;
    const shifted = <T extends Drawn>(d: T): T => {
      const b = boundsOf(d.points);
      const [dx, dy] = shiftInside(b, offset, offset, doc.size);
      return { ...d, key: `k${next++}`, locked: false, points: movePoints(d.points, dx, dy) };
    };
    const regions = [...doc.regions];
    for (const region of doc.regions.filter((r) => keys.includes(r.key))) {
      const copy = shifted(region);
      const b = boundsOf(region.points);
      const [dx, dy] = shiftInside(b, offset, offset, doc.size);
      regions.push({
        ...copy,
        id: freeId(regions, `${region.id.slice(0, 55)}-copy`),
        name: freeName(regions, copyName(region.name)),
        exclusions: region.exclusions.map((e) => ({
          ...e,
          key: `k${next++}`,
          points: movePoints(e.points, dx, dy),
        })),
      });
    }
    const withExclusions = regions.map((r) => {
      const copies = r.exclusions.filter((e) => keys.includes(e.key)).map(shifted);
      return copies.length ? { ...r, exclusions: [...r.exclusions, ...copies] } : r;
    });
    const defects = [
      ...doc.defects,
      ...doc.defects.filter((d) => keys.includes(d.key)).map(shifted),
    ];
    return { ...doc, regions: withExclusions, defects, nextKey: next };
  };
}

function freeName(regions: readonly Region[], wanted: string): string {
  const taken = new Set(regions.flatMap((r) => [r.id, r.name]));
  if (!taken.has(wanted)) return wanted;
  for (let n = 2; ; n++) if (!taken.has(`${wanted} ${n}`)) return `${wanted} ${n}`;
}

export type Alignment = 'left' | 'right' | 'top' | 'bottom' | 'center' | 'middle' | 'size';

export const ALIGNMENTS: readonly Alignment[] = [
  'left',
  'center',
  'right',
  'top',
  'middle',
  'bottom',
  'size',
];

/** Bring the others to the first key; `size` gives them its width and height. */
export function align(keys: readonly string[], how: Alignment): Command {
  return (doc) => {
    const anchor = keys[0] && findElement(doc, keys[0]);
    if (!anchor) return doc;
    const a = boundsOf(anchor.drawn.points);
    return keys.slice(1).reduce((result, key) => {
      const element = findElement(result, key);
      if (!element) return result;
      const b = boundsOf(element.drawn.points);
      if (how === 'size') {
        const x = Math.min(b.x, doc.size.width - a.width);
        const y = Math.min(b.y, doc.size.height - a.height);
        return resize(key, { x, y, width: a.width, height: a.height })(result);
      }
      const [dx, dy] = alignShift(a, b, how);
      return move([key], dx, dy)(result);
    }, doc);
  };
}

function alignShift(a: Bounds, b: Bounds, how: Exclude<Alignment, 'size'>): Point {
  switch (how) {
    case 'left':
      return [a.x - b.x, 0];
    case 'right':
      return [a.x + a.width - b.x - b.width, 0];
    case 'center':
      return [a.x + a.width / 2 - b.x - b.width / 2, 0];
    case 'top':
      return [0, a.y - b.y];
    case 'bottom':
      return [0, a.y + a.height - b.y - b.height];
    case 'middle':
      return [0, a.y + a.height / 2 - b.y - b.height / 2];
  }
}

/** Change what is said of a region; a new id is followed by verdicts and defects. */
export function editRegion(
  key: string,
  change: Partial<Pick<Region, 'id' | 'name' | 'kind' | 'resolution' | 'minDefectAreaPx'>>,
): Command {
  return (doc) => {
    const old = doc.regions.find((r) => r.key === key);
    if (!old) return doc;
    const id = change.id ?? old.id;
    return {
      ...doc,
      regions: doc.regions.map((r) => (r.key === key ? { ...r, ...change } : r)),
      defects: doc.defects.map((d) => (d.regionId === old.id ? { ...d, regionId: id } : d)),
      verdicts: new Map([...doc.verdicts].map(([k, v]) => [k === old.id ? id : k, v])),
    };
  };
}

export function relabelDefect(key: string, label: string): Command {
  return (doc) => ({
    ...doc,
    defects: doc.defects.map((d) => (d.key === key ? { ...d, label } : d)),
  });
}

/** Judge a region, or the whole image with the key ""; null takes the verdict back. */
export function setVerdict(region: string, verdict: Label | null): Command {
  return (doc) => {
    const verdicts = new Map(doc.verdicts);
    if (verdict) verdicts.set(region, verdict);
    else verdicts.delete(region);
    const isNg = verdict === 'ng';
    return {
      ...doc,
      verdicts: isNg && region !== WHOLE_IMAGE ? withoutWholeOk(verdicts) : verdicts,
      defectFree: isNg ? false : doc.defectFree,
    };
  };
}

/** What was said of a region, by its id or, in files of other programs, by its name. */
export function verdictOf(doc: Document, region: Pick<Region, 'id' | 'name'>): Label | null {
  return doc.verdicts.get(region.id) ?? doc.verdicts.get(region.name) ?? null;
}

/** Somebody looked and found nothing: defects and NG verdicts go. */
export function setDefectFree(defectFree: boolean): Command {
  return (doc) => ({
    ...doc,
    defectFree,
    defects: defectFree ? [] : doc.defects,
    verdicts: defectFree
      ? new Map([...doc.verdicts].filter(([, verdict]) => verdict === 'ok'))
      : doc.verdicts,
  });
}

/** A document of a template's regions. */
export function documentOfRegions(size: Size, regions: readonly TemplateRegion[]): Document {
  let next = 1;
  const drawn = <T extends Shape>(shape: T) => ({ ...shape, key: `k${next++}`, locked: false });
  return {
    ...emptyDocument(size),
    regions: regions.map((r): Region => ({ ...drawn(r), exclusions: r.exclusions.map(drawn) })),
    nextKey: regions.reduce((n, r) => n + 1 + r.exclusions.length, 1),
  };
}

export function regionsOfDocument(doc: Document): TemplateRegion[] {
  return doc.regions.map(({ key: _, locked: __, ...region }) => ({
    ...region,
    exclusions: region.exclusions.map(({ shape, points }) => ({ shape, points })),
  }));
}

/** Replace all regions, as a split does. */
export function replaceRegions(change: (region: Region) => readonly TemplateRegion[]): Command {
  return (doc) => {
    let next = doc.nextKey;
    const regions = doc.regions.flatMap((region) => {
      const parts = change(region);
      if (parts.length === 1) return [region];
      return parts.map(
        (part): Region => ({
          ...part,
          key: `k${next++}`,
          locked: region.locked,
          exclusions: part.exclusions.map((e) => ({ ...e, key: `k${next++}`, locked: false })),
        }),
      );
    });
    return { ...doc, regions, nextKey: next };
  };
}

/** Lay a sidecar over the regions of a template. */
export function withAnnotation(doc: Document, annotation: Annotation): Document {
  const cleared = { ...doc, defects: [], verdicts: annotation.verdicts };
  return {
    ...cleared,
    defectFree: annotation.defectFree,
    nextKey: doc.nextKey + annotation.defects.length,
    defects: annotation.defects.map(
      (d, i): Defect => ({
        shape: 'polygon',
        points: d.points,
        label: d.label,
        regionId: d.regionId,
        key: `k${doc.nextKey + i}`,
        locked: false,
      }),
    ),
  };
}

/** The sidecar of a document; what the editor does not know is kept from `base`. */
export function annotationOfDocument(
  doc: Document,
  base: Annotation = EMPTY_ANNOTATION,
): Annotation {
  return checkAnnotation({
    ...base,
    width: doc.size.width,
    height: doc.size.height,
    verdicts: doc.verdicts,
    defectFree: doc.defectFree,
    regions: base.regions.filter((r) => doc.verdicts.has(r.regionId || r.label)),
    defects: doc.defects.map(({ label, points, regionId }) => ({ label, points, regionId })),
  });
}

export function selectionBox(doc: Document, keys: readonly string[]): Points | null {
  const b = boundsOfKeys(doc, keys);
  return b && boxPoints(b);
}
