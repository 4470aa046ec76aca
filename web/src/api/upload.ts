/** Files to the server with progress; `fetch` cannot tell how much was sent. */

import { API, ApiError, csrfHeaders } from './client';
import type { Uploaded } from './schema';

export type UploadProgress = { readonly sent: number; readonly total: number };

const FILES_AT_ONCE = 40;
const BYTES_AT_ONCE = 64_000_000;

/**
 * Upload in parts, so that one bad file or a lost connection costs little.
 *
 * Files of a part that failed are in the result with what `wordsOf` says of it, and the other parts
 * are sent; without a connection the rest is not tried. What fails as a whole is thrown.
 */
export async function uploadFiles(
  projectId: string,
  files: readonly File[],
  wordsOf: (error: unknown) => string,
  onProgress: (progress: UploadProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<Uploaded[]> {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const url = `${API}/projects/${projectId}/images`;
  const found: Uploaded[] = [];
  let failure: ApiError | null = null;
  let hasCome = false;
  let before = 0;
  for (const part of partsOf(files)) {
    const base = before;
    try {
      if (failure?.code === 'connection') throw failure;
      found.push(
        ...(await send(url, part, (sent) => onProgress({ sent: base + sent, total }), signal)),
      );
      hasCome = true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status === 401) throw error;
      failure = error;
      const words = wordsOf(error);
      found.push(...part.map(({ name }) => failed(name, words)));
    }
    before += part.reduce((sum, file) => sum + file.size, 0);
    onProgress({ sent: before, total });
  }
  if (failure && !hasCome) throw failure;
  return found;
}

const failed = (name: string, error: string): Uploaded => ({
  name,
  kind: 'other',
  image: null,
  known: false,
  error,
});

/** A sidecar stays with its image: they travel in one part, image first. */
export function partsOf(files: readonly File[]): File[][] {
  const stem = (file: File) => file.name.replace(/\.[^.]*$/, '');
  const isJson = (file: File) => file.name.toLowerCase().endsWith('.json');
  const sorted = [...files].sort(
    (a, b) => stem(a).localeCompare(stem(b)) || Number(isJson(a)) - Number(isJson(b)),
  );
  const parts: File[][] = [];
  let part: File[] = [];
  let bytes = 0;
  for (const file of sorted) {
    const last = part.at(-1);
    const isFull = part.length >= FILES_AT_ONCE || bytes + file.size > BYTES_AT_ONCE;
    if (last && isFull && stem(last) !== stem(file)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(file);
    bytes += file.size;
  }
  return part.length > 0 ? [...parts, part] : parts;
}

function send(
  url: string,
  files: readonly File[],
  onSent: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<Uploaded[]> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    for (const [name, value] of Object.entries(csrfHeaders()))
      request.setRequestHeader(name, value);
    request.responseType = 'json';
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => {
      if (request.status < 300) resolve(request.response as Uploaded[]);
      else {
        const body = (request.response ?? {}) as { code?: string; detail?: string };
        reject(
          new ApiError(request.status, body.code ?? 'http', body.detail ?? request.statusText),
        );
      }
    };
    request.onerror = () => reject(new ApiError(0, 'connection', ''));
    request.onabort = () => reject(new DOMException('', 'AbortError'));
    signal?.addEventListener('abort', () => request.abort());
    const form = new FormData();
    for (const file of files) form.append('files', file, file.name);
    request.send(form);
  });
}
