/** Images of the open project. */

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { API, api, unwrap } from '../api/client';
import type { ImageOut, Uploaded } from '../api/schema';
import { type UploadProgress, uploadFiles } from '../api/upload';
import type { ImageSource } from '../canvas/tiles';
import { useProject } from './projects';
import { keyOf } from './queries';
import { tilesOf } from './tileSource';

const PAGE = 200;
/** Larger ones are shown by tiles. */
const MOST_PLAIN_PX = 6_000_000;

export type ImageFilter = {
  readonly label?: 'ok' | 'ng' | 'none';
  readonly name?: string;
  /** Such as `1200x800`: only images of another width or height. */
  readonly not_size?: string;
};

/** In the order they came, page after page. */
export function useImages(filter: ImageFilter = {}) {
  const { id } = useProject();
  return useInfiniteQuery({
    queryKey: keyOf(id, 'images', filter),
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/images', {
          params: {
            path: { project_id: id },
            query: { limit: PAGE, ...filter, ...(pageParam ? { after: pageParam } : {}) },
          },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (last) => last.next,
  });
}

export function useImage(imageId: string | null) {
  const { id } = useProject();
  return useQuery({
    enabled: imageId !== null,
    queryKey: keyOf(id, 'image', imageId),
    queryFn: () =>
      unwrap(
        api.GET('/api/v1/projects/{project_id}/images/{image_id}', {
          params: { path: { project_id: id, image_id: imageId ?? '' } },
        }),
      ),
  });
}

/**
 * Files into the project, with how much was sent; everything of the project is fresh after it.
 * `wordsOf` says what is wrong where some of them could not be sent.
 */
export function useUpload(wordsOf: (error: unknown) => string) {
  const { id } = useProject();
  const client = useQueryClient();
  const [progress, setProgress] = useState<UploadProgress | null>(null);
  const stopper = useRef<AbortController | null>(null);
  const send = useCallback(
    async (files: readonly File[]): Promise<Uploaded[]> => {
      stopper.current = new AbortController();
      setProgress({ sent: 0, total: files.reduce((sum, file) => sum + file.size, 0) });
      try {
        return await uploadFiles(id, files, wordsOf, setProgress, stopper.current.signal);
      } finally {
        setProgress(null);
        await client.invalidateQueries({ queryKey: keyOf(id) });
      }
    },
    [id, client, wordsOf],
  );
  return { send, progress, stop: () => stopper.current?.abort() };
}

/** Take an image out of the project; the server says why where something holds it. */
export function useDeleteImage() {
  const { id } = useProject();
  return useMutation({
    mutationFn: (imageId: string) =>
      unwrap(
        api.DELETE('/api/v1/projects/{project_id}/images/{image_id}', {
          params: { path: { project_id: id, image_id: imageId } },
        }),
      ),
  });
}

export const thumbnailUrl = (projectId: string, imageId: string): string =>
  `${API}/projects/${projectId}/images/${imageId}/thumbnail`;

export const sidecarUrl = (projectId: string, imageId: string): string =>
  `${API}/projects/${projectId}/images/${imageId}/sidecar`;

export const viewUrl = (projectId: string, imageId: string): string =>
  `${API}/projects/${projectId}/images/${imageId}/view`;

/** The picture itself, or a small one of it where it is large. */
export const sharpUrl = (
  projectId: string,
  image: Pick<ImageOut, 'id' | 'width' | 'height'>,
): string =>
  image.width * image.height <= MOST_PLAIN_PX
    ? viewUrl(projectId, image.id)
    : thumbnailUrl(projectId, image.id);

/** What the viewer draws: the picture itself, or tiles of it where it is large. Null while loading. */
export function useImageSource(image: Pick<ImageOut, 'id' | 'width' | 'height'> | null): {
  source: ImageSource | null;
  error: Error | null;
} {
  const { id: projectId } = useProject();
  const [plain, setPlain] = useState<{ id: string; bitmap: ImageBitmap } | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const { id, width, height } = image ?? { id: null, width: 0, height: 0 };
  const isPlain = width * height <= MOST_PLAIN_PX;
  useEffect(() => {
    setError(null);
    if (!isPlain || id === null) return;
    let isStopped = false;
    loadBitmap(viewUrl(projectId, id))
      .then((bitmap) => !isStopped && setPlain({ id, bitmap }))
      .catch((reason: Error) => !isStopped && setError(reason));
    return () => {
      isStopped = true;
    };
  }, [projectId, id, isPlain]);
  const source = useMemo((): ImageSource | null => {
    if (id === null) return null;
    if (!isPlain)
      return {
        kind: 'tiles',
        ...tilesOf(`/projects/${projectId}/images/${id}`, { width, height }),
      };
    return plain?.id === id ? { kind: 'plain', image: plain.bitmap, width, height } : null;
  }, [projectId, id, width, height, isPlain, plain]);
  return { source, error };
}

/** The next picture is in the browser's cache before it is asked for; large ones come by tiles. */
export function usePrefetch(image: Pick<ImageOut, 'id' | 'width' | 'height'> | null): void {
  const { id: projectId } = useProject();
  const id = image && image.width * image.height <= MOST_PLAIN_PX ? image.id : null;
  useEffect(() => {
    if (id === null) return;
    const wait = setTimeout(() => {
      new Image().src = viewUrl(projectId, id);
    }, 200);
    return () => clearTimeout(wait);
  }, [projectId, id]);
}

async function loadBitmap(url: string): Promise<ImageBitmap> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(response.statusText);
  return createImageBitmap(await response.blob());
}
