/** Pictures loaded ahead and kept for a while, so that going on to the next one is instant. */

import { useEffect, useState } from 'react';
import { ApiError, problemOf } from '../api/client';
import type { Size } from '../core/geometry';

export type Picture = { readonly src: string; readonly size: Size };

const MOST_KEPT = 24;
const MOST_TRIES = 5;
const kept = new Map<string, Promise<Picture>>();
/** How many places show it now; those stay. */
const shown = new Map<string, number>();
/** Addresses of blobs that were given up: what still names one has to be loaded anew. */
const revoked = new Set<string>();

/** Decoded and ready to be shown. */
export function loadPicture(url: string): Promise<Picture> {
  const known = kept.get(url);
  if (known) {
    kept.delete(url); // the latest used is kept longest
    kept.set(url, known);
    return known;
  }
  const loading = load(url);
  kept.set(url, loading);
  loading.catch(() => kept.delete(url));
  forgetOldest();
  return loading;
}

function forgetOldest(): void {
  for (const [url, picture] of kept) {
    if (kept.size <= MOST_KEPT) break;
    if (shown.has(url)) continue;
    kept.delete(url);
    picture.then(({ src }) => revoke(src)).catch(() => {});
  }
}

function revoke(src: string): void {
  URL.revokeObjectURL(src);
  revoked.add(src);
}

function hold(url: string): () => void {
  shown.set(url, 1 + (shown.get(url) ?? 0));
  return () => {
    const left = (shown.get(url) ?? 1) - 1;
    if (left > 0) shown.set(url, left);
    else shown.delete(url);
  };
}

async function load(url: string): Promise<Picture> {
  const src = URL.createObjectURL(await (await fetchPatiently(url)).blob());
  const image = new Image();
  image.src = src;
  await image.decode();
  return { src, size: { width: image.naturalWidth, height: image.naturalHeight } };
}

/** Heat is drawn by those who inspect: when they are busy, the line comes first. */
async function fetchPatiently(url: string): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(url);
    if (response.ok) return response;
    const problem = problemOf(response, await response.json().catch(() => null));
    if (problem.status !== 503 || attempt >= MOST_TRIES) throw problem;
    await new Promise((done) => setTimeout(done, 1000 * (problem.retryAfterS ?? attempt)));
  }
}

/** Null while loading, or without address. The one before is not shown for the next. */
export function usePicture(url: string | null): { picture: Picture | null; error: Error | null } {
  const [found, setFound] = useState<{
    url: string;
    picture: Picture | null;
    error: Error | null;
  } | null>(null);
  useEffect(() => {
    if (url === null) return;
    let isStopped = false;
    const release = hold(url);
    loadPicture(url)
      .then((picture) => !isStopped && setFound({ url, picture, error: null }))
      .catch((error: Error) => !isStopped && setFound({ url, picture: null, error }));
    return () => {
      isStopped = true;
      release();
    };
  }, [url]);
  const isThis = found?.url === url && !(found.picture && revoked.has(found.picture.src));
  return found && isThis ? found : { picture: null, error: null };
}

/** What went wrong is told when the picture is really asked for. */
export function preload(urls: readonly string[]): void {
  for (const url of urls) loadPicture(url).catch(() => {});
}

export const isGone = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'image_gone';
