/** The images that are gone through, in the order of the list, and where one is in it. */

import { useRef } from 'react';
import type { ImageOut } from '../../api/schema';
import { type ImageFilter, useImages } from '../../data/images';

export type ImageRow = ReturnType<typeof useImageRow>;

export function useImageRow(filter: ImageFilter) {
  const found = useImages(filter);
  const items: readonly ImageOut[] = found.data?.pages.flatMap((page) => page.items) ?? [];
  const last = useRef(0);

  /** Where an image is; where it was, when its new label took it out of the list. */
  function placeOf(id: string): { before: number; at: number | null; after: number } {
    const at = items.findIndex((image) => image.id === id);
    if (at >= 0) last.current = at;
    return at >= 0
      ? { before: at - 1, at, after: at + 1 }
      : { before: last.current - 1, at: null, after: last.current };
  }

  const more = () => {
    if (found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
  };

  /** All of the list, whatever is shown of it. */
  async function loadAll(): Promise<readonly ImageOut[]> {
    let result = { data: found.data, hasNextPage: found.hasNextPage };
    while (result.hasNextPage) result = await found.fetchNextPage();
    return result.data?.pages.flatMap((page) => page.items) ?? [];
  }

  return {
    items,
    isLoading: found.isPending,
    error: found.error,
    retry: () => void found.refetch(),
    hasMore: found.hasNextPage,
    more,
    loadAll,
    placeOf,
  };
}
