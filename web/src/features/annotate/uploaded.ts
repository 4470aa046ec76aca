/** What came of an upload, counted. */

import type { ImageOut, Uploaded } from '../../api/schema';

export type UploadSum = {
  /** Images that the project had not. */
  readonly fresh: readonly ImageOut[];
  /** Images of the upload that nobody has judged, also where they were here already. */
  readonly open: readonly string[];
  readonly known: number;
  readonly annotations: number;
  readonly templates: number;
  readonly refused: readonly Uploaded[];
};

export function sumOf(results: readonly Uploaded[]): UploadSum {
  const good = results.filter((one) => !one.error);
  const pictures = good.filter((one) => one.kind === 'image');
  const said = good.filter((one) => one.kind === 'annotation');
  const judged = new Set(said.flatMap((one) => (one.image?.label ? [one.image.id] : [])));
  const isOpen = (image?: ImageOut | null): image is ImageOut =>
    image != null && !image.label && !judged.has(image.id);
  const fresh = pictures.flatMap((one) => (one.image && !one.known ? [one.image] : []));
  return {
    fresh,
    open: [...new Set(pictures.flatMap(({ image }) => (isOpen(image) ? [image.id] : [])))],
    known: good.filter((one) => one.known).length,
    annotations: said.filter((one) => !one.known).length,
    templates: good.filter((one) => one.kind === 'template' && !one.known).length,
    refused: results.filter((one) => one.error),
  };
}

/** The same report after people judged some of its images elsewhere. */
export function judgedIn(
  results: readonly Uploaded[],
  ids: readonly string[],
  label: 'ok' | 'ng' | null,
): readonly Uploaded[] {
  const judged = new Set(ids);
  return results.map((one) =>
    one.image && judged.has(one.image.id) ? { ...one, image: { ...one.image, label } } : one,
  );
}
