/** Local files in and out: the reference image and its `template.json`. */

import { readTemplate, type Template } from '../../core/template';
import { t } from '../../texts';

export type Reference = {
  readonly file: string;
  readonly sha256: string;
  readonly width: number;
  readonly height: number;
  readonly image: ImageBitmap;
};

export type Opened = { readonly reference: Reference; readonly template: Template | null };

/** Read an image and, when it is among the files, the template drawn on it. */
export async function openFiles(files: readonly File[], known: Reference | null): Promise<Opened> {
  const json = files.find((f) => f.name.toLowerCase().endsWith('.json'));
  const picture = files.find((f) => f !== json);
  const template = json ? readTemplate(await json.text()) : null;
  if (!picture && !(known && template?.referenceSha256 === known.sha256))
    throw new Error(t.template.noImage(template?.referenceFile ?? ''));
  const reference = picture ? await readReference(picture) : (known as Reference);
  if (template && template.referenceSha256 !== reference.sha256)
    throw new Error(t.template.otherImage(reference.file));
  return { reference, template };
}

async function readReference(file: File): Promise<Reference> {
  const bytes = await file.arrayBuffer();
  const image = await createImageBitmap(new Blob([bytes])).catch(() => {
    throw new Error(t.template.unreadable(file.name));
  });
  const { width, height } = image;
  return { file: file.name, sha256: await sha256(bytes), width, height, image };
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  if (!globalThis.crypto?.subtle) throw new Error(t.template.noHash);
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(hash)].map((b) => b.toString(16).padStart(2, '0')).join('');
}

export function saveText(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
