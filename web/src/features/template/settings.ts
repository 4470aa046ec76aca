/** What a template says besides its regions, and the template of both. */

import { type Document, documentOfRegions, regionsOfDocument } from '../../core/document';
import { boxPoints, fitPoints, type Shape, type Size } from '../../core/geometry';
import { DEFAULT_ALIGNMENT, SMALLEST_DEFECT_PX, type Template } from '../../core/template';

export type Settings = Pick<
  Template,
  'name' | 'mode' | 'sizePolicy' | 'smallestDefectPx' | 'alignment'
>;

type ReferenceFile = { readonly name: string; readonly sha256: string };

/** `askedPx` is the smallest defect of the problem statement. */
export function defaultSettings(
  name: string,
  longest: number,
  askedPx: number | null = null,
): Settings {
  return {
    name,
    mode: 'image',
    sizePolicy: 'exact',
    smallestDefectPx: Math.max(1, Math.min(askedPx ?? SMALLEST_DEFECT_PX, longest)),
    alignment: DEFAULT_ALIGNMENT,
  };
}

/** The smallest defect that the problem statement asks for, in pixels; null while it is open. */
export function askedDefectPx(problem: Readonly<Record<string, unknown>>): number | null {
  const { smallest_defect: asked } = (problem.answers ?? {}) as Readonly<Record<string, unknown>>;
  return typeof asked === 'number' ? asked : null;
}

/** Without a region drawn, one over the whole image. */
export function makeTemplate(
  reference: ReferenceFile,
  settings: Settings,
  doc: Document,
): Template {
  const drawn = regionsOfDocument(doc);
  const whole = {
    id: 'image',
    name: 'Whole image', // as the core names it, whatever the language
    shape: 'rectangle' as const,
    points: boxPoints({ x: 0, y: 0, width: doc.size.width, height: doc.size.height }),
    exclusions: [],
    minDefectAreaPx: null,
    kind: 'auto' as const,
    resolution: 'auto' as const,
  };
  return {
    ...settings,
    referenceFile: reference.name,
    referenceSha256: reference.sha256,
    size: doc.size,
    regions: drawn.length > 0 ? drawn : [whole],
  };
}

/** The drawing stretched to a reference of another size; it starts a new history. */
export function stretched(doc: Document, to: Size): Document {
  const box = (size: Size) => ({ x: 0, y: 0, ...size });
  const stretch = <T extends Shape>(shape: T): T => ({
    ...shape,
    points: fitPoints(shape.points, box(doc.size), box(to)),
  });
  const regions = regionsOfDocument(doc).map((region) => ({
    ...stretch(region),
    exclusions: region.exclusions.map(stretch),
  }));
  return documentOfRegions(to, regions);
}

/** Settings that hold on a reference of another size: a place to align by does not. */
export function settingsFor(settings: Settings, { width, height }: Size): Settings {
  return {
    ...settings,
    smallestDefectPx: Math.min(settings.smallestDefectPx, Math.max(width, height)),
    alignment: { ...settings.alignment, where: null },
  };
}
