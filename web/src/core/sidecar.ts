/** The JSON beside an image: LabelMe's form with verdicts, as `offspec.annotations` keeps it. */

import { CoreError } from './errors';
import { boundsOf, type Point, type Points } from './geometry';
import {
  Float,
  isObject,
  type JsonObject,
  type JsonValue,
  jsonText,
  parseJson,
  shown,
} from './json';
import { type Mask, maskPolygons } from './mask';

export type Label = 'ok' | 'ng';
export type Split = 'train' | 'test';

/** Key of the verdict on the whole image. */
export const WHOLE_IMAGE = '';
export const MAX_SHAPES = 10_000;
export const MAX_POINTS = 100_000;
export const MAX_COORDINATE = 1_000_000;
const LABELME_VERSION = '5.4.1';
const CIRCLE_CORNERS = 64;

/** One outlined defect, or the outline of a judged region; edge coordinates. */
export type Outline = {
  readonly label: string;
  readonly points: Points;
  readonly regionId: string | null;
};

export type Annotation = {
  readonly imageName: string;
  /** 0 x 0 when the file does not say. */
  readonly width: number;
  readonly height: number;
  readonly verdicts: ReadonlyMap<string, Label>;
  readonly defects: readonly Outline[];
  readonly defectFree: boolean;
  readonly split: Split | null;
  readonly partId: string | null;
  readonly regions: readonly Outline[];
};

export const EMPTY_ANNOTATION: Annotation = {
  imageName: '',
  width: 0,
  height: 0,
  verdicts: new Map(),
  defects: [],
  defectFree: false,
  split: null,
  partId: null,
  regions: [],
};

/** Turns the base64 PNG of a LabelMe mask into pixels; the page brings it, the core has none. */
export type MaskDecoder = (base64: string) => Mask | null;

/** `ng` with any defect or NG verdict; `ok` when judged without; null = unlabelled. */
export function labelOf(annotation: Annotation): Label | null {
  const verdicts = [...annotation.verdicts.values()];
  if (annotation.defects.length > 0 || verdicts.includes('ng')) return 'ng';
  return annotation.defectFree || verdicts.length > 0 ? 'ok' : null;
}

/** Refuse an annotation that contradicts itself. */
export function checkAnnotation(annotation: Annotation): Annotation {
  const hasNg = [...annotation.verdicts.values()].includes('ng');
  const bad = annotation.defects.length > 0 || hasNg;
  if (annotation.defectFree && bad)
    throw new CoreError('annotation_free_and_defect', { defects: annotation.defects.length });
  if (annotation.verdicts.get(WHOLE_IMAGE) === 'ok' && bad)
    throw new CoreError('annotation_ok_and_defect');
  for (const { label, points } of [...annotation.defects, ...annotation.regions]) {
    if (points.length < 3 || points.length > MAX_POINTS)
      throw new CoreError('annotation_points', { label, count: points.length, most: MAX_POINTS });
    if (!points.flat().every((v) => Math.abs(v) <= MAX_COORDINATE))
      throw new CoreError('annotation_point', { point: label, most: MAX_COORDINATE });
  }
  return annotation;
}

/** The text of the file, byte for byte as Python writes it. */
export function annotationText(annotation: Annotation): string {
  checkAnnotation(annotation);
  const flags: Record<string, JsonValue> = { defect_free: annotation.defectFree };
  for (const [name, verdict] of annotation.verdicts) {
    const prefix = name ? `${name}:` : '';
    flags[`${prefix}OK`] = verdict === 'ok';
    flags[`${prefix}NG`] = verdict === 'ng';
  }
  return jsonText({
    version: LABELME_VERSION,
    flags,
    shapes: [
      ...annotation.regions.map((r) => shapeJson(r, verdictOf(r, annotation.verdicts))),
      ...annotation.defects.map((d) => shapeJson(d, null)),
    ],
    imagePath: annotation.imageName,
    imageData: null,
    imageHeight: annotation.height || null,
    imageWidth: annotation.width || null,
    ...(annotation.split === null ? {} : { split: annotation.split }),
    ...(annotation.partId === null ? {} : { part_id: annotation.partId }),
  });
}

/** An outline without a verdict would be read back as a defect, so it is refused. */
function verdictOf(region: Outline, verdicts: ReadonlyMap<string, Label>): Label {
  const verdict = verdicts.get(region.regionId || region.label) ?? verdicts.get(region.label);
  if (!verdict)
    throw new CoreError('annotation_region_no_verdict', {
      region: region.regionId || region.label,
    });
  return verdict;
}

function shapeJson(shape: Outline, verdict: Label | null): JsonValue {
  return {
    label: shape.label,
    points: shape.points.map((p) => p.map((v) => new Float(v))),
    group_id: null,
    description: '',
    shape_type: 'polygon',
    flags: verdict === null ? {} : { OK: verdict === 'ok', NG: verdict === 'ng' },
    ...(shape.regionId === null ? {} : { region_id: shape.regionId }),
  };
}

/** Read LabelMe's, DaoAI World's or our own file; keys we do not know are ignored. */
export function readAnnotation(
  text: string,
  fileName = '',
  decodeMask: MaskDecoder = () => null,
): Annotation {
  const data = parseJson(text);
  if (!isObject(data) || !('flags' in data || 'shapes' in data))
    throw new CoreError('annotation_not');
  const width = lengthOf(data, 'imageWidth');
  const height = lengthOf(data, 'imageHeight');
  if ((width === 0) !== (height === 0)) throw wrong('imageWidth', `${width} x ${height}`, 'both');
  const flags = flagsOf(data);
  const verdicts = flagVerdicts(flags);
  const regions: Outline[] = [];
  const defects: Outline[] = [];
  for (const shape of shapesOf(data)) {
    const label = textOf(shape, 'label') ?? '';
    const regionId = textOf(shape, 'region_id');
    const outlines = outlinesOf(shape, decodeMask).map((points) => ({ label, points, regionId }));
    const verdict = flagVerdicts(flagsOf(shape)).get(WHOLE_IMAGE);
    (verdict ? regions : defects).push(...outlines);
    if (verdict) mergeVerdict(verdicts, regionId || label, verdict);
  }
  checkInside(defects, width, height);
  const imageName =
    (textOf(data, 'imagePath') ?? '').split(/[/\\]/).findLast((s) => s !== '') ?? '';
  return checkAnnotation({
    imageName: imageName || fileName.replace(/\.[^.]*$/, ''),
    width,
    height,
    verdicts,
    defects,
    defectFree: flags.get('defect_free') ?? false,
    split: splitOf(data),
    partId: textOf(data, 'part_id'),
    regions,
  });
}

function wrong(key: string, value: unknown, rule: string): CoreError {
  return new CoreError('annotation_field', { key, value: shown(value), rule });
}

/** What Python's `value or fallback` gives for the empty values that JSON has. */
function orEmpty(value: unknown, fallback: unknown): unknown {
  const isEmpty =
    !value ||
    (Array.isArray(value) && value.length === 0) ||
    (isObject(value) && Object.keys(value).length === 0);
  return isEmpty ? fallback : value;
}

function shapesOf(data: JsonObject): JsonObject[] {
  const shapes = orEmpty(data.shapes, []);
  if (!Array.isArray(shapes) || !shapes.every(isObject)) throw wrong('shapes', shapes, 'shapes');
  if (shapes.length > MAX_SHAPES) throw wrong('shapes', shapes.length, 'shape_count');
  return shapes;
}

function flagsOf(data: JsonObject): Map<string, boolean> {
  const flags = orEmpty(data.flags, {});
  if (!isObject(flags) || !Object.values(flags).every((v) => typeof v === 'boolean'))
    throw wrong('flags', flags, 'flags');
  return new Map(Object.entries(flags as Record<string, boolean>));
}

function flagVerdicts(flags: ReadonlyMap<string, boolean>): Map<string, Label> {
  const seen = new Map<string, Label>();
  for (const [name, value] of flags) {
    const cut = name.lastIndexOf(':');
    const word = name.slice(cut + 1).toLowerCase();
    if (value && (word === 'ok' || word === 'ng'))
      mergeVerdict(seen, name.slice(0, Math.max(0, cut)), word);
  }
  return seen;
}

function mergeVerdict(verdicts: Map<string, Label>, region: string, verdict: Label): void {
  const known = verdicts.get(region);
  if (known && known !== verdict) throw new CoreError('annotation_verdicts_differ', { region });
  verdicts.set(region, verdict);
}

function checkInside(defects: readonly Outline[], width: number, height: number): void {
  if (width === 0) return;
  for (const { label, points } of defects) {
    const b = boundsOf(points);
    if (b.x + b.width < 0 || b.y + b.height < 0 || b.x > width || b.y > height)
      throw new CoreError('annotation_outside', { label, width, height });
  }
}

function textOf(data: JsonObject, key: string): string | null {
  const value = data[key] ?? null;
  if (value !== null && typeof value !== 'string') throw wrong(key, value, 'text');
  return value;
}

function lengthOf(data: JsonObject, key: string): number {
  const value = data[key] ?? null;
  if (value === null) return 0;
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > MAX_COORDINATE)
    throw wrong(key, value, 'length');
  return value as number;
}

function splitOf(data: JsonObject): Split | null {
  const value = textOf(data, 'split');
  if (value !== null && value !== 'train' && value !== 'test') throw wrong('split', value, 'split');
  return value;
}

/** Outlines of one LabelMe shape; several for `points` and `mask`. */
function outlinesOf(shape: JsonObject, decodeMask: MaskDecoder): Points[] {
  const kind = shape.shape_type || 'polygon';
  const points = pointsOf(shape);
  switch (kind) {
    case 'polygon':
      return [closed(points, points.length < 3)];
    case 'line':
    case 'linestrip':
      return [closed(points, true)];
    case 'rectangle':
      return [rectangle(points)];
    case 'circle':
      return [circle(points)];
    case 'point':
    case 'points':
      return points.map((p) => [p, p, p]);
    case 'mask':
      return maskOutlines(shape, points, decodeMask);
    default:
      throw new CoreError('annotation_shape_type', { kind: String(kind).slice(0, 40) });
  }
}

function pointsOf(shape: JsonObject): Points {
  const raw = shape.points;
  if (!Array.isArray(raw) || raw.length < 1 || raw.length > MAX_POINTS)
    throw new CoreError('annotation_points', {
      label: shown(shape.label),
      count: Array.isArray(raw) ? raw.length : 0,
      most: MAX_POINTS,
    });
  return raw.map((p): Point => {
    const good =
      Array.isArray(p) &&
      p.length === 2 &&
      p.every((v) => typeof v === 'number' && Math.abs(v) <= MAX_COORDINATE);
    if (!good) throw new CoreError('annotation_point', { point: shown(p), most: MAX_COORDINATE });
    return [p[0], p[1]];
  });
}

/** A line runs there and back; one point stays where it is. */
function closed(points: Points, isLine: boolean): Points {
  const ring = isLine ? [...points, ...points.slice(1, -1).reverse()] : [...points];
  while (ring.length < 3) ring.push(ring[ring.length - 1] as Point);
  return ring;
}

function rectangle(points: Points): Points {
  if (points.length === 4) return points; // LabelMe 5.5 may rotate rectangles
  const [a, b] = points;
  if (!a || !b || points.length !== 2) throw wrongCount('rectangle', points.length);
  return [
    [a[0], a[1]],
    [b[0], a[1]],
    [b[0], b[1]],
    [a[0], b[1]],
  ];
}

function circle(points: Points): Points {
  const [centre, rim] = points;
  if (!centre || !rim || points.length !== 2) throw wrongCount('circle', points.length);
  const radius = Math.hypot(rim[0] - centre[0], rim[1] - centre[1]);
  return Array.from({ length: CIRCLE_CORNERS }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / CIRCLE_CORNERS;
    return [centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)];
  });
}

function maskOutlines(shape: JsonObject, points: Points, decodeMask: MaskDecoder): Points[] {
  const [corner] = points;
  if (typeof shape.mask !== 'string' || !corner || points.length !== 2)
    throw wrongCount('mask', points.length);
  const mask = decodeMask(shape.mask);
  if (!mask) throw new CoreError('annotation_mask', { label: shown(shape.label) });
  return maskPolygons({ ...mask, x: Math.floor(corner[0]), y: Math.floor(corner[1]) });
}

function wrongCount(kind: string, count: number): CoreError {
  return new CoreError('annotation_shape_count', { kind, count });
}
