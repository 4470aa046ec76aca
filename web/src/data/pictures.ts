/** Pictures loaded ahead and kept for a while, so that going on to the next one is instant. */

import { useEffect, useState } from 'react';
import { ApiError, problemOf } from '../api/client';
import type { SharpSource } from '../canvas/tileBlock';
import type { Size } from '../core/geometry';
import { tilesOf } from './tileSource';

export type PictureAddress = {
  readonly url: string;
  /** Path of its tiles in the API, where it can be a smaller one of a large picture. */
  readonly tiles?: string;
};

export type Picture = {
  readonly src: string;
  /** Of the picture itself; the file may be smaller. */
  readonly size: Size;
  readonly sharp: SharpSource | null;
};

const MOST_KEPT = 24;
const MOST_TRIES = 5;
const kept = new Map<string, Promise<Picture>>();
/** How many places show it now; those stay. */
const shown = new Map<string, number>();
/** Addresses of blobs that were given up: what still names one has to be loaded anew. */
const revoked = new Set<string>();

/** Decoded and ready to be shown. */
export function loadPicture(address: PictureAddress): Promise<Picture> {
  const { url } = address;
  const known = kept.get(url);
  if (known) {
    kept.delete(url); // the latest used is kept longest
    kept.set(url, known);
    return known;
  }
  const loading = load(address);
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

async function load({ url, tiles }: PictureAddress): Promise<Picture> {
  const response = await fetchPatiently(url);
  const whole = sizeIn(response.headers.get('x-picture-size'));
  const src = URL.createObjectURL(await response.blob());
  const image = new Image();
  image.src = src;
  await image.decode();
  const file = { width: image.naturalWidth, height: image.naturalHeight };
  if (!whole || !tiles || whole.width <= file.width) return { src, size: file, sharp: null };
  const fromScale = file.width / whole.width;
  return { src, size: whole, sharp: { ...tilesOf(tiles, whole), fromScale } };
}

/** What stands in the header as `4000x3000`. */
export function sizeIn(text: string | null): Size | null {
  const [, width, height] = text?.match(/^([1-9]\d*)x([1-9]\d*)$/) ?? [];
  return width && height ? { width: Number(width), height: Number(height) } : null;
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
export function usePicture(address: PictureAddress | null): {
  picture: Picture | null;
  error: Error | null;
} {
  const [found, setFound] = useState<{
    url: string;
    picture: Picture | null;
    error: Error | null;
  } | null>(null);
  const { url = null, tiles } = address ?? {};
  useEffect(() => {
    if (url === null) return;
    let isStopped = false;
    const release = hold(url);
    loadPicture({ url, ...(tiles === undefined ? {} : { tiles }) })
      .then((picture) => !isStopped && setFound({ url, picture, error: null }))
      .catch((error: Error) => !isStopped && setFound({ url, picture: null, error }));
    return () => {
      isStopped = true;
      release();
    };
  }, [url, tiles]);
  const isThis = found?.url === url && !(found.picture && revoked.has(found.picture.src));
  return found && isThis ? found : { picture: null, error: null };
}

/** What went wrong is told when the picture is really asked for. */
export function preload(addresses: readonly PictureAddress[]): void {
  for (const one of addresses) loadPicture(one).catch(() => {});
}

export const isGone = (error: unknown): boolean =>
  error instanceof ApiError && error.code === 'image_gone';
